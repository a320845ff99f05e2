/** Slices of masks as they are drawn: made once, kept while there is room. */

import type { Mask } from "./mask";
import { rim } from "./outline";
import type { Stack } from "./stack";

export type Colour = readonly [number, number, number];

export interface Picture {
  fill: OffscreenCanvas;
  outline: Path2D;
}

export type Draw = (bits: Uint8Array, rows: number, columns: number, colour: Colour) => Picture | null;

const KEPT_BYTES = 96 << 20;
const NOTHING_BYTES = 64;

interface Kept {
  version: number;
  bytes: number;
  /** Null where nothing of the mask is in the slice. */
  picture: Picture | null;
}

export class MaskPictures {
  /** The least recently used first. */
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;

  constructor(
    private readonly draw: Draw,
    private readonly most_bytes = KEPT_BYTES,
  ) {}

  /** How many are kept. */
  get size(): number {
    return this.kept.size;
  }

  /** A mask in a picture of a stack, as it is now; null where nothing is in it. */
  of(mask: Mask, stack: Pick<Stack, "key" | "rows" | "columns" | "mask">, index: number, colour: Colour): Picture | null {
    // By serial: each analysis has an "m1", and the one must not be drawn for the other.
    const key = `${mask.serial}|${stack.key}|${index}|${colour.join()}`;
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      if (known.version === mask.version) {
        this.kept.set(key, known);
        return known.picture;
      }
      this.bytes -= known.bytes;
    }
    const bits = stack.mask(mask, index);
    const picture = bits ? this.draw(bits, stack.rows, stack.columns, colour) : null;
    const bytes = picture ? 4 * stack.rows * stack.columns : NOTHING_BYTES;
    this.kept.set(key, { version: mask.version, bytes, picture });
    this.bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.kept) {
      if (this.bytes <= this.most_bytes || oldest === key) break;
      this.kept.delete(oldest);
      this.bytes -= freed;
    }
    return picture;
  }
}

/** Fill and rim of a slice; null where nothing is in it. */
export function drawn(bits: Uint8Array, rows: number, columns: number, colour: Colour): Picture | null {
  if (bits.indexOf(1) < 0) return null;
  const fill = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  const [red, green, blue] = colour;
  const pixels = new Uint32Array(image.data.buffer);
  const own = new Uint32Array(new Uint8ClampedArray([red, green, blue, 255]).buffer)[0] ?? 0;
  for (let i = 0; i < bits.length; i += 1) if (bits[i]) pixels[i] = own;
  fill.getContext("2d")?.putImageData(image, 0, 0);
  const outline = new Path2D();
  const lines = rim(bits, rows, columns);
  for (let i = 0; i < lines.length; i += 4) {
    outline.moveTo(lines[i] ?? 0, lines[i + 1] ?? 0);
    outline.lineTo(lines[i + 2] ?? 0, lines[i + 3] ?? 0);
  }
  return { fill, outline };
}

/** A tile of slanting lines. */
export function stripes([red, green, blue]: Colour): OffscreenCanvas {
  const tile = new OffscreenCanvas(8, 8);
  const context = tile.getContext("2d");
  if (context) {
    context.strokeStyle = `rgb(${red} ${green} ${blue})`;
    context.lineWidth = 1.5;
    for (const shift of [-8, 0, 8]) {
      context.moveTo(shift, 8);
      context.lineTo(shift + 8, 0);
    }
    context.stroke();
  }
  return tile;
}
