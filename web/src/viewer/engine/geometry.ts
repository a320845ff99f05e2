/** Where voxels lie in the patient: LPS millimetres, x to the left, y to the back, z to the head. */

export type Vector = readonly [number, number, number];
/** Indices of a voxel: slice, row, column. */
export type Voxel = readonly [number, number, number];

/** What geometry needs of a series; the API's `SeriesView` has it. */
export interface Grid {
  slices: number;
  rows: number;
  columns: number;
  pixel_spacing_mm: readonly number[] | null;
  slice_spacing_mm: number | null;
  uniform: boolean;
  orientation?: readonly (readonly number[])[] | null;
  positions_mm?: readonly (readonly number[])[] | null;
  columns_towards: string | null;
  rows_towards: string | null;
}

export const vector = (numbers: readonly number[] | undefined): Vector => [numbers?.[0] ?? 0, numbers?.[1] ?? 0, numbers?.[2] ?? 0];
export const times = (v: Vector, factor: number): Vector => [v[0] * factor, v[1] * factor, v[2] * factor];
export const plus = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const norm = (v: Vector): number => Math.hypot(...v);
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

const LETTERS = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
] as const;
const NOTICEABLE = 0.2;
/** A twelfth of a right angle and more is worth a second letter (PS3.3 C.7.6.1.1.1 wants the letters in order). */

/** Letters of a direction, the largest part first: [0.9, 0.4, 0] is "LP". */
export function letters(direction: Vector): string {
  const parts = direction.map((size, axis) => ({ size, axis })).filter(({ size }) => Math.abs(size) > NOTICEABLE);
  parts.sort((a, b) => Math.abs(b.size) - Math.abs(a.size));
  return parts.map(({ size, axis }) => LETTERS[axis]?.[size > 0 ? 0 : 1] ?? "").join("");
}

const OPPOSITE: Record<string, string> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

/** The other end of a direction. */
export const opposite = (direction: string): string => [...direction].map((letter) => OPPOSITE[letter] ?? letter).join("");

/** Directions in which slice, row and column indices grow, unit vectors; null where the file does not say. */
export function directions(grid: Grid): [Vector, Vector, Vector] | null {
  if (!grid.orientation) return null;
  const column = vector(grid.orientation[0]);
  const row = vector(grid.orientation[1]);
  const normal = cross(column, row);
  const [first, second] = [grid.positions_mm?.[0], grid.positions_mm?.[grid.slices - 1]];
  const along = first && second && grid.slices > 1 ? minus(vector(second), vector(first)) : normal;
  const length = norm(along);
  return [length > 0 ? times(along, 1 / length) : normal, row, column];
}

/** Whether the slices are an even stack of rectangles that may be cut in another plane. */
export function isBlock(grid: Grid): boolean {
  const along = directions(grid);
  if (!along || !grid.pixel_spacing_mm || !grid.slice_spacing_mm || !grid.uniform || grid.slices < 3) return false;
  return Math.abs(dot(along[0], cross(along[2], along[1]))) > 0.999; // a tilted gantry would shear the picture
}

/** Millimetres of a voxel's centre; null where the file does not say. */
export function placeOf(grid: Grid, [slice, row, column]: Voxel): Vector | null {
  const [origin, spacing, along] = [grid.positions_mm?.[slice], grid.pixel_spacing_mm, grid.orientation];
  if (!origin || !spacing || !along) return null;
  const [between, beside] = [spacing[0] ?? 0, spacing[1] ?? 0];
  return plus(plus(vector(origin), times(vector(along[1]), row * between)), times(vector(along[0]), column * beside));
}

/** Which slice of another series lies at the same place, or at the same part of the way. */
export interface Link {
  slice: number;
  /** "position": by patient coordinates; "fraction": one of them does not say where it lies. */
  by: "position" | "fraction";
  /** Distance of the two slices along the normal; null by fraction. */
  apart_mm: number | null;
}

/** How far the other series was when the two were linked: it stays so far. */
export interface Offset {
  mm: number;
  /** Of the other series, where positions are not known in both. */
  slices: number;
}
export const NO_OFFSET: Offset = { mm: 0, slices: 0 };

const PARALLEL = 0.95;

/** The level of a slice along a direction, in mm; null where it is not known. */
function level(grid: Grid, slice: number, normal: Vector): number | null {
  const place = grid.positions_mm?.[slice];
  return place ? dot(vector(place), normal) : null;
}

/** The direction through both; null where they do not lie side by side or one does not say. */
function common(grid: Grid, other: Grid): Vector | null {
  const [along, beside] = [directions(grid), directions(other)];
  if (!along || !beside || other.slices === 0 || other.positions_mm?.length !== other.slices) return null;
  const normal = cross(along[2], along[1]);
  return Math.abs(dot(normal, cross(beside[2], beside[1]))) > PARALLEL ? normal : null;
}

/** How far apart two series stand, to be kept while they scroll together. */
export function offsetOf(grid: Grid, slice: number, other: Grid, shown: number): Offset {
  const normal = common(grid, other);
  const [mine, theirs] = [normal && level(grid, slice, normal), normal && level(other, shown, normal)];
  const mm = mine !== null && theirs !== null ? theirs - mine : 0;
  return { mm, slices: shown - byFraction(grid, slice, other) };
}

const byFraction = (grid: Grid, slice: number, other: Grid) => (grid.slices > 1 ? slice / (grid.slices - 1) : 0) * (other.slices - 1);

/** Where `other` must be scrolled to when `grid` shows `slice`. Positions say the same place only within one frame of reference. */
export function linkedSlice(grid: Grid, slice: number, other: Grid, offset: Offset = NO_OFFSET): Link {
  const normal = common(grid, other);
  const mine = normal && level(grid, slice, normal);
  if (normal && mine !== null) {
    let [best, apart] = [0, Number.POSITIVE_INFINITY];
    for (let index = 0; index < other.slices; index += 1) {
      const distance = Math.abs((level(other, index, normal) ?? Number.POSITIVE_INFINITY) - mine - offset.mm);
      if (distance < apart) [best, apart] = [index, distance];
    }
    return { slice: best, by: "position", apart_mm: apart };
  }
  const at = Math.round(byFraction(grid, slice, other) + offset.slices);
  return { slice: Math.max(0, Math.min(other.slices - 1, at)), by: "fraction", apart_mm: null };
}
