/** Painting on a mask: disc, eraser, and a disc that takes only values of a range; each stroke can be undone. */

import type { Values } from "./blocks";
import type { Mask } from "./mask";
import { voxelOf } from "./plane";
import type { Stack } from "./stack";

export type BrushKind = "brush" | "eraser" | "threshold";

interface Stroke {
  index: number;
  before: Uint8Array;
  after: Uint8Array;
}

const MOST_STROKES = 60;

export class Editing {
  private done: Stroke[] = [];
  private undone: Stroke[] = [];
  private running: { index: number; before: Uint8Array; bits: Uint8Array } | null = null;

  constructor(
    readonly mask: Mask,
    readonly stack: Stack,
  ) {
    if (stack.plane.through.of !== 0) throw new Error("Masks are corrected in the plane in which the slices were made.");
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  begin(index: number): void {
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
          if (row < 0 || column < 0 || row >= this.stack.rows || column >= this.stack.columns) continue;
          const [, r, c] = voxelOf(this.stack.plane, this.stack.series, index, row, column);
          const at = r * this.stack.series.columns + c;
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
    if (this.done.length > MOST_STROKES) this.done.shift();
    this.undone = [];
    return true;
  }

  /** Take the last stroke back; the picture it was on, null where there is none. */
  undo(): number | null {
    const stroke = this.done.pop();
    if (!stroke) return null;
    this.undone.push(stroke);
    this.mask.replace(stroke.index, stroke.before);
    return stroke.index;
  }

  redo(): number | null {
    const stroke = this.undone.pop();
    if (!stroke) return null;
    this.done.push(stroke);
    this.mask.replace(stroke.index, stroke.after);
    return stroke.index;
  }
}
