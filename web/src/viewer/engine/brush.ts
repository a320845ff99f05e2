/** Painting on a mask: disc, eraser, and a disc that takes only values of a range; each stroke can be undone. */

import type { Values } from "./blocks";
import type { Mask } from "./mask";
import { type Plane, voxelOf } from "./plane";
import type { Series } from "./stack";

export type BrushKind = "brush" | "eraser" | "threshold";

interface Stroke {
  index: number;
  before: Uint8Array;
  after: Uint8Array;
}

/** What is painted on. A stack has it; it may outlive the stack, as strokes are kept when a study is left. */
export interface Ground {
  key: string;
  plane: Plane;
  series: Series;
  rows: number;
  columns: number;
}

const MOST_STROKES = 60;
const FEWEST_STROKES = 5;
const STROKES_BYTES = 64 << 20;

export class Editing {
  readonly ground: Ground;
  private done: Stroke[] = [];
  private undone: Stroke[] = [];
  private running: { index: number; before: Uint8Array; bits: Uint8Array } | null = null;

  constructor(
    readonly mask: Mask,
    { key, plane, series, rows, columns }: Ground,
  ) {
    this.ground = { key, plane, series, rows, columns };
    if (plane.through.of !== 0) throw new Error("Masks are corrected in the plane in which the slices were made.");
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Whether a stroke is being drawn. */
  get drawing(): boolean {
    return this.running !== null;
  }

  /** Strokes that can be taken back: few where slices are large. */
  private get most(): number {
    return Math.max(FEWEST_STROKES, Math.min(MOST_STROKES, Math.floor(STROKES_BYTES / (this.mask.shape[1] * this.mask.shape[2]))));
  }

  begin(index: number): void {
    this.end();
    const before = this.mask.slice(index);
    this.running = { index, before, bits: before.slice() };
  }

  /** A line of discs between two pixels of the picture. `range`: values that the threshold brush takes. */
  draw(
    from: { down: number; across: number },
    to: { down: number; across: number },
    radius: number,
    kind: BrushKind,
    values: Values | null,
    range: readonly [number, number],
  ): void {
    if (!this.running) return;
    const { index, bits } = this.running;
    const steps = Math.max(1, Math.ceil(Math.hypot(to.down - from.down, to.across - from.across) / Math.max(0.5, radius / 3)));
    for (let step = 0; step <= steps; step += 1) {
      const part = step / steps;
      const [down, across] = [from.down + (to.down - from.down) * part, from.across + (to.across - from.across) * part];
      for (let row = Math.ceil(down - radius); row <= down + radius; row += 1) {
        for (let column = Math.ceil(across - radius); column <= across + radius; column += 1) {
          if ((row - down) ** 2 + (column - across) ** 2 > radius ** 2) continue;
          if (row < 0 || column < 0 || row >= this.ground.rows || column >= this.ground.columns) continue;
          const [, r, c] = voxelOf(this.ground.plane, this.ground.series, index, row, column);
          const at = r * this.ground.series.columns + c;
          if (kind === "threshold") {
            const value = values?.[at];
            if (value === undefined || value < range[0] || value > range[1]) continue;
          }
          bits[at] = kind === "eraser" ? 0 : 1;
        }
      }
    }
    this.mask.replace(index, bits);
  }

  /** The stroke is over. Whether it changed anything. */
  end(): boolean {
    const running = this.running;
    this.running = null;
    if (!running || running.bits.every((bit, at) => bit === running.before[at])) return false;
    this.done.push({ index: running.index, before: running.before, after: running.bits });
    if (this.done.length > this.most) this.done.shift();
    this.undone = [];
    return true;
  }

  /** Take the last stroke back; the picture it was on, null where there is none or while one is being drawn. */
  undo(): number | null {
    if (this.running) return null;
    const stroke = this.done.pop();
    if (!stroke) return null;
    this.undone.push(stroke);
    this.mask.replace(stroke.index, stroke.before);
    return stroke.index;
  }

  redo(): number | null {
    if (this.running) return null;
    const stroke = this.undone.pop();
    if (!stroke) return null;
    this.done.push(stroke);
    this.mask.replace(stroke.index, stroke.after);
    return stroke.index;
  }
}
