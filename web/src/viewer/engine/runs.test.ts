import { describe, expect, it } from "vitest";
import { difference, Mask } from "./mask";
import { addRuns, drawn, runsBySlice } from "./runs";

describe("runs", () => {
  it("cuts a run that crosses slices, and joins it again", () => {
    const by = runsBySlice([3, 3, 8, 1], [3, 2, 2]);
    expect(by.get(0)).toEqual([{ start: 3, length: 1 }]);
    expect(by.get(1)).toEqual([{ start: 0, length: 2 }]);
    expect(by.get(2)).toEqual([{ start: 0, length: 1 }]);
    expect(new Mask([3, 3, 8, 1], [3, 2, 2]).encode()).toEqual([3, 3, 8, 1]);
  });

  it("draws what it reads", () => {
    expect([...drawn([{ start: 1, length: 2 }], 4)]).toEqual([0, 1, 1, 0]);
    const runs: number[] = [];
    addRuns(runs, Uint8Array.of(1, 0, 1, 1), 10);
    expect(runs).toEqual([10, 1, 12, 2]);
  });

  it.each([[[4, 1, 2, 1]], [[0, 0]], [[0]], [[11, 2]], [[-1, 2]]])("refuses %j: no mask of 3 × 2 × 2", (runs) => {
    expect(() => runsBySlice(runs, [3, 2, 2])).toThrow(RangeError);
  });
});

describe("a mask", () => {
  const mask = () => new Mask([0, 1, 4, 3, 8, 3], [4, 2, 2]);

  it("knows its largest slice, the middle one of equals", () => {
    expect(mask().largest()).toBe(1);
    expect(new Mask([0, 12], [3, 2, 2]).largest()).toBe(1);
    expect(new Mask([], [3, 2, 2]).largest()).toBeNull();
  });

  it("tells what was changed, and by how much", () => {
    const changed = mask().copy();
    changed.replace(2, Uint8Array.of(1, 1, 1, 1));
    changed.replace(3, Uint8Array.of(0, 0, 0, 1));
    expect(difference(mask(), changed)).toEqual({ slices: [2, 3], voxels: 2 });
    expect(changed.encode()).toEqual([0, 1, 4, 3, 8, 4, 15, 1]);
    expect(mask().encode()).toEqual([0, 1, 4, 3, 8, 3]);
  });
});
