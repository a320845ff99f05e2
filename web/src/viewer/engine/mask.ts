/** A structure's voxels, slice by slice: drawn when they are looked at, and changed by the brush. */

import { addRuns, drawn, type Run, runsBySlice, type Shape } from "./runs";

/** Slices that are kept as bytes because they were looked at; what the brush changed is always kept. */
const KEPT_BYTES = 16 << 20;
let made = 0;

export class Mask {
  /** No two masks have the same one: two analyses may each call a mask "m1". */
  readonly serial = (made += 1);
  /** Counts changes, so that pictures of slices know when they are old. */
  version = 0;
  private readonly runs: ReadonlyMap<number, readonly Run[]>;
  private readonly changed = new Map<number, Uint8Array>();
  private readonly looked = new Map<number, Uint8Array>();
  private readonly size: number;

  constructor(
    runs: readonly number[] | ReadonlyMap<number, readonly Run[]>,
    readonly shape: Shape,
  ) {
    this.runs = runs instanceof Map ? runs : runsBySlice(runs as readonly number[], shape);
    this.size = shape[1] * shape[2];
  }

  /** Whether there may be voxels in a slice. */
  has(slice: number): boolean {
    return this.changed.has(slice) || this.runs.has(slice);
  }

  /** Rows × columns bytes, 1 inside. Not to be written to: see `replace`. */
  slice(index: number): Uint8Array {
    const known = this.changed.get(index) ?? this.looked.get(index);
    if (known) return known;
    const bits = drawn(this.runs.get(index) ?? [], this.size);
    this.looked.set(index, bits);
    if (this.looked.size * this.size > KEPT_BYTES && this.looked.size > 1) this.looked.delete(this.looked.keys().next().value ?? -1);
    return bits;
  }

  /** Another content of a slice. */
  replace(index: number, bits: Uint8Array): void {
    this.looked.delete(index);
    this.changed.set(index, bits);
    this.version += 1;
  }

  /** Voxels in a slice. */
  area(index: number): number {
    const bits = this.changed.get(index);
    if (bits) return bits.reduce((sum, bit) => sum + bit, 0);
    return (this.runs.get(index) ?? []).reduce((sum, run) => sum + run.length, 0);
  }

  /** The slice with most voxels; null for an empty mask. Of equals, the middle one: the centre shows more than the rim. */
  largest(): number | null {
    let most = 0;
    let best: number[] = [];
    for (let index = 0; index < this.shape[0]; index += 1) {
      const area = this.has(index) ? this.area(index) : 0;
      if (area > most) {
        most = area;
        best = [];
      }
      if (area === most && area > 0) best.push(index);
    }
    return best[Math.floor((best.length - 1) / 2)] ?? null;
  }

  /** As the server takes it. */
  encode(): number[] {
    const runs: number[] = [];
    for (let index = 0; index < this.shape[0]; index += 1) {
      if (this.has(index)) addRuns(runs, this.slice(index), index * this.size);
    }
    return runs;
  }

  /** A mask of its own with the same voxels. */
  copy(): Mask {
    const own = new Mask(this.runs, this.shape);
    for (const [index, bits] of this.changed) own.changed.set(index, bits.slice());
    return own;
  }

  /** Whether a slice of both is known to be the same without a look at its voxels. */
  sharesSlice(other: Mask, index: number): boolean {
    return !this.changed.has(index) && !other.changed.has(index) && this.runs.get(index) === other.runs.get(index);
  }
}

/** Slices in which two masks of one shape differ, and by how many voxels. */
export function difference(one: Mask, other: Mask): { slices: number[]; voxels: number } {
  const slices: number[] = [];
  let voxels = 0;
  for (let index = 0; index < one.shape[0]; index += 1) {
    if (one.sharesSlice(other, index)) continue;
    const [a, b] = [one.slice(index), other.slice(index)];
    let here = 0;
    for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) here += 1;
    if (here) slices.push(index);
    voxels += here;
  }
  return { slices, voxels };
}
