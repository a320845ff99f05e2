import { describe, expect, it } from "vitest";
import { type Grid, isBlock, letters, linkedSlice, opposite, placeOf, type Vector } from "./geometry";
import { acquired, cuts, edgeLetters, gather, shownAt, sizes, voxelOf } from "./plane";
import { roundLength } from "./scale";

const grid = (slices: number, gap: number, start = 0, more: Partial<Grid> = {}): Grid => ({
  slices,
  rows: 4,
  columns: 3,
  pixel_spacing_mm: [0.5, 0.25],
  slice_spacing_mm: gap,
  uniform: true,
  orientation: [
    [1, 0, 0],
    [0, 1, 0],
  ],
  positions_mm: Array.from({ length: slices }, (_, at) => [10, 20, start + gap * at]),
  columns_towards: "L",
  rows_towards: "P",
  ...more,
});

describe("letters", () => {
  it.each<[Vector, string]>([
    [[1, 0, 0], "L"],
    [[-1, 0, 0], "R"],
    [[0, -1, 0], "A"],
    [[0, 0, -1], "F"],
    [[0.9, 0.43, 0], "LP"],
    [[0.1, -0.3, 0.95], "HA"],
  ])("of %j are %s", (direction, said) => expect(letters(direction)).toBe(said));
  it("have an other end", () => expect(opposite("LP")).toBe("RA"));
});

describe("places", () => {
  it("follow rows, columns and positions", () => expect(placeOf(grid(5, 2), [3, 2, 1])).toEqual([10.25, 21, 6]));
  it("are unknown without geometry", () => {
    expect(placeOf(grid(5, 2, 0, { pixel_spacing_mm: null }), [0, 0, 0])).toBeNull();
    expect(placeOf(grid(5, 2, 0, { orientation: null }), [0, 0, 0])).toBeNull();
  });
});

describe("linked scrolling", () => {
  it("goes by the place in the patient", () => {
    expect(linkedSlice(grid(100, 2), 30, grid(40, 5, 10))).toEqual({ slice: 10, by: "position", apart_mm: 0 });
    expect(linkedSlice(grid(100, 2), 99, grid(10, 5)).slice).toBe(9);
  });
  it("goes back where slices run the other way", () => expect(linkedSlice(grid(11, 2), 2, grid(11, -2, 20)).slice).toBe(8));
  it("goes by the part of the way where one of them has no place, and says so", () => {
    const nowhere = grid(50, 2, 0, { positions_mm: null });
    expect(linkedSlice(grid(101, 2), 50, nowhere)).toEqual({ slice: 25, by: "fraction", apart_mm: null });
  });
  it("does not lay an axial beside a sagittal one by position", () => {
    const sagittal = grid(50, 2, 0, { orientation: [[0, 1, 0], [0, 0, -1]] });
    expect(linkedSlice(grid(101, 2), 100, sagittal)).toMatchObject({ slice: 49, by: "fraction" });
  });
});

describe("planes", () => {
  const upsideDown = grid(3, 2, 0, { orientation: [[1, 0, 0], [0, -1, 0]], rows_towards: "A" });

  it("hang cross-sections with the front up and the right side left", () => {
    const plane = acquired(upsideDown, "CT");
    expect(plane.down).toEqual({ of: 1, reversed: true });
    expect(plane.across).toEqual({ of: 2, reversed: false });
    expect(edgeLetters(plane, upsideDown)).toEqual({ right: "L", bottom: "P" });
    expect(edgeLetters(acquired(upsideDown, "CR"), upsideDown)).toEqual({ right: "L", bottom: "A" });
  });
  it("find the voxel under a pixel, and the pixel of a voxel", () => {
    for (const plane of [acquired(upsideDown, "CT"), ...cuts(upsideDown)]) {
      const voxel = voxelOf(plane, upsideDown, 1, 2, 0);
      expect(shownAt(plane, upsideDown, voxel)).toEqual([1, 2, 0]);
    }
  });
  it("cut an even block along its axes", () => {
    const block = grid(6, 2);
    const [axial, coronal, sagittal] = cuts(block);
    expect(isBlock(block)).toBe(true);
    expect([axial, coronal, sagittal].map((plane) => plane && sizes(plane, block))).toEqual([
      [6, 4, 3],
      [4, 6, 3],
      [3, 6, 4],
    ]);
    expect(coronal && edgeLetters(coronal, block)).toEqual({ right: "L", bottom: "F" });
    expect(sagittal && edgeLetters(sagittal, block)).toEqual({ right: "P", bottom: "F" });
  });
  it("are not cut out of uneven or tilted slices", () => {
    expect(cuts(grid(6, 2, 0, { uniform: false }))).toEqual([]);
    const tilted = grid(6, 2, 0, { positions_mm: Array.from({ length: 6 }, (_, at) => [0, at, 2 * at]) });
    expect(cuts(tilted)).toEqual([]);
  });
  it("gather values as voxelOf says", () => {
    const block = grid(3, 2, 0, { orientation: [[-1, 0, 0], [0, -1, 0]] });
    const value = (s: number, r: number, c: number) => 100 * s + 10 * r + c;
    const slice = (s: number) => Int16Array.from({ length: 12 }, (_, at) => value(s, Math.floor(at / 3), at % 3));
    for (const plane of [acquired(block, "CT"), ...cuts(block)]) {
      const [, rows, columns] = sizes(plane, block);
      const got = gather(plane, block, 1, slice, (length) => new Int16Array(length));
      for (let down = 0; down < rows; down += 1)
        for (let across = 0; across < columns; across += 1)
          expect(got[down * columns + across]).toBe(value(...(voxelOf(plane, block, 1, down, across) as [number, number, number])));
    }
  });
});

describe("the scale bar", () => {
  it("is the longest round length that fits", () => {
    expect(roundLength(0.5, 700)).toEqual({ mm: 100, px: 200 });
    expect(roundLength(0, 700)).toBeNull();
  });
});
