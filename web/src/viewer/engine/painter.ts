/** What is drawn over a picture: structures, boxes, numbers of measurements, the brush and the scale bar. */

import { drawing } from "./cornerstone";
import type { Mask } from "./mask";
import type { Measured } from "./measures";
import { rim } from "./outline";
import { scaleBar } from "./scale";
import type { View } from "./view";

export type Colour = readonly [number, number, number];

/** A structure as the reader wants to see it. */
export interface Layer {
  id: string;
  mask: Mask;
  colour: Colour;
  opacity: number;
  fill: boolean;
  outline: boolean;
  /** Voxels of which the model was not sure: hatched. */
  uncertain?: Mask | null;
}

/** A box of a finding in pixels of a slice of the series: left, top, right, bottom. */
export interface Box {
  slice: number;
  edges: readonly [number, number, number, number];
  label: string;
}

/** Where another pane's picture cuts this one: a row or a column of pixels. */
export interface Line {
  down?: number;
  across?: number;
}

export interface Scene {
  layers: readonly Layer[];
  boxes: readonly Box[];
  lines: readonly Line[];
  measured: readonly Measured[];
  /** The brush under the pointer, in pixels of the picture. */
  brush: { down: number; across: number; radius: number } | null;
}

interface Picture {
  version: number;
  fill: OffscreenCanvas;
  outline: Path2D;
}

const KEPT = 160;

export class Painter {
  scene: Scene = { layers: [], boxes: [], lines: [], measured: [], brush: null };
  private readonly pictures = new Map<string, Picture | null>();
  private readonly hatches = new Map<string, CanvasPattern | null>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly view: View,
  ) {}

  /** Draw all of it where the picture lies now. */
  paint(): void {
    const { canvas, view } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [view.element.clientWidth, view.element.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d", { willReadFrequently: drawing.byProcessor });
    const placed = view.pixelsToCanvas();
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!placed || !view.stack) return;
    const scaled = new DOMMatrix().scale(ratio).multiply(placed);
    for (const layer of this.scene.layers) this.layer(context, layer, scaled, placed, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.boxes(context, placed);
    this.cuts(context, placed, width, height);
    this.brush(context, placed);
    this.numbers(context);
    scaleBar(context, view, placed, width, height);
  }

  private layer(context: CanvasRenderingContext2D, layer: Layer, scaled: DOMMatrix, placed: DOMMatrix, ratio: number): void {
    const picture = this.picture(layer.id, layer.mask, layer.colour);
    if (!picture) return;
    if (layer.fill) {
      context.setTransform(scaled);
      context.imageSmoothingEnabled = false;
      context.globalAlpha = layer.opacity;
      context.drawImage(picture.fill, -0.5, -0.5);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    const doubt = layer.uncertain ? this.picture(`${layer.id}?`, layer.uncertain, layer.colour) : null;
    if (doubt) this.hatch(context, doubt, scaled, layer.colour);
    if (layer.outline) {
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.strokeStyle = `rgb(${layer.colour.join(" ")})`;
      context.lineWidth = 1.75;
      const path = new Path2D();
      path.addPath(picture.outline, placed);
      context.stroke(path);
    }
  }

  private picture(id: string, mask: Mask, colour: Colour): Picture | null {
    const { stack, index } = this.view;
    if (!stack) return null;
    const key = `${id}|${stack.key}|${index}|${colour.join()}`;
    const known = this.pictures.get(key);
    if (known !== undefined && (known === null ? !mask.has(index) : known.version === mask.version)) return known;
    const bits = stack.mask(mask, index);
    const made = bits ? drawn(bits, stack.rows, stack.columns, colour, mask.version) : null;
    this.pictures.delete(key);
    this.pictures.set(key, made);
    if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value ?? "");
    return made;
  }

  private hatch(context: CanvasRenderingContext2D, picture: Picture, scaled: DOMMatrix, colour: Colour): void {
    const name = colour.join();
    if (!this.hatches.has(name)) this.hatches.set(name, context.createPattern(stripes(colour), "repeat"));
    const pattern = this.hatches.get(name);
    if (!pattern) return;
    const part = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const own = part.getContext("2d");
    if (!own) return;
    own.setTransform(scaled);
    own.imageSmoothingEnabled = false;
    own.drawImage(picture.fill, -0.5, -0.5);
    own.setTransform(1, 0, 0, 1, 0, 0);
    own.globalCompositeOperation = "source-in";
    own.fillStyle = pattern;
    own.fillRect(0, 0, part.width, part.height);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(part, 0, 0);
  }

  private boxes(context: CanvasRenderingContext2D, placed: DOMMatrix): void {
    const { stack, index } = this.view;
    if (!stack || stack.plane.through.of !== 0) return;
    for (const { slice, edges, label } of this.scene.boxes) {
      if (slice !== index) continue;
      const [left, top, right, bottom] = edges;
      const a = placed.transformPoint({ x: left, y: top });
      const b = placed.transformPoint({ x: right, y: bottom });
      context.strokeStyle = "rgb(255 170 80)";
      context.lineWidth = 2;
      context.setLineDash([6, 3]);
      context.strokeRect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(b.x - a.x), Math.abs(b.y - a.y));
      context.setLineDash([]);
      written(context, [label], Math.min(a.x, b.x), Math.min(a.y, b.y) - 6, "rgb(255 190 120)");
    }
  }

  private cuts(context: CanvasRenderingContext2D, placed: DOMMatrix, width: number, height: number): void {
    context.strokeStyle = "rgb(108 178 255 / 75%)";
    context.lineWidth = 1;
    for (const { down, across } of this.scene.lines) {
      const { x, y } = placed.transformPoint({ x: across ?? 0, y: down ?? 0 });
      context.beginPath();
      context.moveTo(across === undefined ? 0 : x, across === undefined ? y : 0);
      context.lineTo(across === undefined ? width : x, across === undefined ? y : height);
      context.stroke();
    }
  }

  private numbers(context: CanvasRenderingContext2D): void {
    for (const { lines, place, imageId } of this.scene.measured) {
      if (imageId !== this.view.stack?.imageId(this.view.index)) continue;
      const [x, y] = this.view.toElement(place);
      written(context, lines, x + 8, y + 12, "rgb(255 228 140)");
    }
  }

  private brush(context: CanvasRenderingContext2D, placed: DOMMatrix): void {
    const brush = this.scene.brush;
    if (!brush) return;
    const middle = placed.transformPoint({ x: brush.across, y: brush.down });
    const [x, y] = [Math.hypot(placed.a, placed.b) * brush.radius, Math.hypot(placed.c, placed.d) * brush.radius];
    for (const [colour, width] of [["rgb(0 0 0 / 70%)", 3], ["white", 1.25]] as const) {
      context.beginPath();
      context.ellipse(middle.x, middle.y, x, y, 0, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }
}

function drawn(bits: Uint8Array, rows: number, columns: number, colour: Colour, version: number): Picture | null {
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
  return { version, fill, outline };
}

function stripes([red, green, blue]: Colour): OffscreenCanvas {
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

/** Text that is read on black and on white. */
export function written(context: CanvasRenderingContext2D, lines: readonly string[], x: number, y: number, colour: string): void {
  context.font = "600 13px system-ui, sans-serif";
  context.lineJoin = "round";
  lines.forEach((line, number) => {
    context.strokeStyle = "rgb(0 0 0 / 85%)";
    context.lineWidth = 3;
    context.strokeText(line, x, y + 16 * number);
    context.fillStyle = colour;
    context.fillText(line, x, y + 16 * number);
  });
}
