/** Masks on the wire: runs of voxels, start, length, start, length, … columns fastest, then rows, then slices. */

/** Slices, rows, columns. */
export type Shape = readonly [number, number, number];

/** A run inside one slice, from its first voxel. */
export interface Run {
  start: number;
  length: number;
}

/** Runs of each slice; a run that crosses slices is cut. Throws where runs are no mask of this shape. */
export function runsBySlice(runs: readonly number[], [slices, rows, columns]: Shape): Map<number, Run[]> {
  const size = rows * columns;
  const found = new Map<number, Run[]>();
  let reached = 0;
  for (let i = 0; i < runs.length; i += 2) {
    let start = runs[i] ?? -1;
    const end = start + (runs[i + 1] ?? 0);
    if (start < reached || end <= start || end > size * slices) throw new RangeError("These runs are no mask of this series.");
    reached = end;
    while (start < end) {
      const slice = Math.floor(start / size);
      const stop = Math.min(end, (slice + 1) * size);
      const own = found.get(slice) ?? [];
      own.push({ start: start - slice * size, length: stop - start });
      found.set(slice, own);
      start = stop;
    }
  }
  return found;
}

/** One slice as bytes, 1 inside. */
export function drawn(runs: readonly Run[], size: number): Uint8Array {
  const bits = new Uint8Array(size);
  for (const { start, length } of runs) bits.fill(1, start, start + length);
  return bits;
}

/** Add the runs of one slice, beginning at voxel `offset`, to `runs`; what touches the run before is joined to it. */
export function addRuns(runs: number[], bits: Uint8Array, offset: number): void {
  let at = bits.indexOf(1);
  while (at >= 0) {
    let end = bits.indexOf(0, at);
    if (end < 0) end = bits.length;
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] ?? 0) + (runs[last + 1] ?? 0) === offset + at) runs[last + 1] = (runs[last + 1] ?? 0) + end - at;
    else runs.push(offset + at, end - at);
    at = bits.indexOf(1, end);
  }
}
