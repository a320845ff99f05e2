/** A structure's voxels, slice by slice: drawn when they are looked at, and changed by the brush. */

import { addRuns, drawn, runsBySlice, type Shape } from "./runs";

export class Mask {
  /** Counts changes, so that pictures of slices know when they are old. */
  version = 0;
  private readonly runs: ReturnType<typeof runsBySlice>;
  private readonly slices = new Map<number, Uint8Array>();
  private readonly size: number;

  constructor(
    runs: readonly number[],
    readonly shape: Shape,
  ) {
    this.runs = runsBySlice(runs, shape);
    this.size = shape[1] * shape[2];
  }

  /** Whether there may be voxels in a slice. */
  has(slice: number): boolean {
    return this.slices.has(slice) || this.runs.has(slice);
  }

  /** Rows × columns bytes, 1 inside. Not to be written to: see `replace`. */
  slice(index: number): Uint8Array {
    let bits = this.slices.get(index);
    if (!bits) {
      bits = drawn(this.runs.get(index) ?? [], this.size);
      this.slices.set(index, bits);
    }
    return bits;
  }

  /** Another content of a slice. */
  replace(index: number, bits: Uint8Array): void {
    this.slices.set(index, bits);
    this.version += 1;
  }

  /** Voxels in a slice. */
  area(index: number): number {
    const bits = this.slices.get(index);
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
    return new Mask(this.encode(), this.shape);
  }
}

/** Slices in which two masks of one shape differ, and by how many voxels. */
export function difference(one: Mask, other: Mask): { slices: number[]; voxels: number } {
  const slices: number[] = [];
  let voxels = 0;
  for (let index = 0; index < one.shape[0]; index += 1) {
    if (!one.has(index) && !other.has(index)) continue;
    const [a, b] = [one.slice(index), other.slice(index)];
    let here = 0;
    for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) here += 1;
    if (here) slices.push(index);
    voxels += here;
  }
  return { slices, voxels };
}
