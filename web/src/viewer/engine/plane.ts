/** How a series is cut and turned for the eye: which index of it runs across the picture, down it, and through the stack. */

import { directions, dot, type Grid, isBlock, letters, type Vector, type Voxel } from "./geometry";

/** An index of the series: 0 slices, 1 rows, 2 columns; reversed: it falls where the picture's grows. */
export interface Axis {
  of: 0 | 1 | 2;
  reversed: boolean;
}

export type PlaneName = "acquired" | "axial" | "coronal" | "sagittal";

export interface Plane {
  name: PlaneName;
  /** Through the stack, down, across. */
  through: Axis;
  down: Axis;
  across: Axis;
}

const STRAIGHT: Plane = {
  name: "acquired",
  through: { of: 0, reversed: false },
  down: { of: 1, reversed: false },
  across: { of: 2, reversed: false },
};

/** What a reader expects across and down: right is the patient's left; lateral pictures look from the left side. */
const HANGING: Record<Exclude<PlaneName, "acquired">, { normal: Vector; across: Vector; down: Vector }> = {
  axial: { normal: [0, 0, 1], across: [1, 0, 0], down: [0, 1, 0] },
  coronal: { normal: [0, 1, 0], across: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { normal: [1, 0, 0], across: [0, 1, 0], down: [0, 0, -1] },
};

const CROSS_SECTIONS = new Set(["CT", "MR", "PT", "NM"]);

/** The plane in which the slices were made; cross-sections are turned as readers hang them, the order of slices stays. */
export function acquired(grid: Grid, modality: string): Plane {
  const along = directions(grid);
  if (!along || !CROSS_SECTIONS.has(modality)) return STRAIGHT;
  const { across, down } = HANGING[closest(along[0])];
  const axes = [1, 2] as const;
  const first = Math.abs(dot(along[1], across)) > Math.abs(dot(along[2], across)) ? axes[0] : axes[1];
  const second = first === 1 ? 2 : 1;
  return {
    name: "acquired",
    through: STRAIGHT.through,
    across: { of: first, reversed: dot(along[first], across) < 0 },
    down: { of: second, reversed: dot(along[second], down) < 0 },
  };
}

/** The name of the plane that a normal is closest to. */
export function closest(normal: Vector): Exclude<PlaneName, "acquired"> {
  const size = normal.map(Math.abs);
  const most = Math.max(...size);
  return most === size[2] ? "axial" : most === size[1] ? "coronal" : "sagittal";
}

/** Cuts of an even block in the three planes along its own axes; none where it is not one. */
export function cuts(grid: Grid): Plane[] {
  const along = directions(grid);
  if (!along || !isBlock(grid)) return [];
  return (["axial", "coronal", "sagittal"] as const).map((name) => {
    const { normal, across, down } = HANGING[name];
    const free = [0, 1, 2] as (0 | 1 | 2)[];
    const take = (wanted: Vector): Axis => {
      const of = free.reduce((best, axis) => (Math.abs(dot(along[axis], wanted)) > Math.abs(dot(along[best], wanted)) ? axis : best));
      free.splice(free.indexOf(of), 1);
      return { of, reversed: dot(along[of], wanted) < 0 };
    };
    const through = take(normal);
    return { name, through: { of: through.of, reversed: false }, across: take(across), down: take(down) };
  });
}

/** Sizes of the pictures: how many, rows, columns. */
export function sizes(plane: Plane, grid: Grid): [number, number, number] {
  const lengths = [grid.slices, grid.rows, grid.columns] as const;
  return [lengths[plane.through.of], lengths[plane.down.of], lengths[plane.across.of]];
}

/** The voxel of the series at a place of a picture. */
export function voxelOf(plane: Plane, grid: Grid, index: number, down: number, across: number): Voxel {
  const lengths = [grid.slices, grid.rows, grid.columns];
  const voxel: [number, number, number] = [0, 0, 0];
  const put = (axis: Axis, at: number) => {
    voxel[axis.of] = axis.reversed ? (lengths[axis.of] ?? 1) - 1 - at : at;
  };
  put(plane.through, index);
  put(plane.down, down);
  put(plane.across, across);
  return voxel;
}

/** Where a voxel of the series is shown: which picture, how far down, how far across. */
export function shownAt(plane: Plane, grid: Grid, voxel: Voxel): [number, number, number] {
  const lengths = [grid.slices, grid.rows, grid.columns];
  const get = (axis: Axis) => (axis.reversed ? (lengths[axis.of] ?? 1) - 1 - voxel[axis.of] : voxel[axis.of]);
  return [get(plane.through), get(plane.down), get(plane.across)];
}

/** Millimetres between pictures, down and across; null where unknown. */
export function spacings(plane: Plane, grid: Grid): [number | null, number | null, number | null] {
  const known = [grid.slice_spacing_mm, grid.pixel_spacing_mm?.[0] ?? null, grid.pixel_spacing_mm?.[1] ?? null];
  return [known[plane.through.of] ?? null, known[plane.down.of] ?? null, known[plane.across.of] ?? null];
}

/** Unit vectors through, down and across the pictures; null where unknown. */
export function pictureDirections(plane: Plane, grid: Grid): [Vector, Vector, Vector] | null {
  const along = directions(grid);
  if (!along) return null;
  const turned = ({ of, reversed }: Axis): Vector => {
    const v = along[of];
    return reversed ? [-v[0], -v[1], -v[2]] : v;
  };
  return [turned(plane.through), turned(plane.down), turned(plane.across)];
}

/** Letters at the right and at the lower edge of the picture, "" where unknown. */
export function edgeLetters(plane: Plane, grid: Grid): { right: string; bottom: string } {
  const along = pictureDirections(plane, grid);
  if (along) return { right: letters(along[2]), bottom: letters(along[1]) };
  return { right: grid.columns_towards ?? "", bottom: grid.rows_towards ?? "" };
}

/** Values of one picture out of the slices of a series. `components`: 3 for colour. */
export function gather<T extends { [at: number]: number; length: number }>(
  plane: Plane,
  grid: Grid,
  index: number,
  slice: (at: number) => T,
  empty: (length: number) => T,
  components = 1,
): T {
  const [, rows, columns] = sizes(plane, grid);
  const { through, down, across } = plane;
  if (through.of === 0 && down.of === 1 && !down.reversed && !across.reversed) return slice(index);
  const out = empty(rows * columns * components);
  const strides = [0, grid.columns, 1] as const;
  const step = (axis: Axis) => (axis.reversed ? -1 : 1) * strides[axis.of];
  const [start] = [voxelOf(plane, grid, index, 0, 0)];
  if (through.of === 0) {
    const values = slice(start[0]);
    const origin = start[1] * grid.columns + start[2];
    copy(out, 0, values, origin, rows, columns, step(down), step(across), components);
    return out;
  }
  // The slices lie across or down in the picture: a line of it from each.
  const along = down.of === 0 ? down : across;
  const count = along === down ? rows : columns;
  for (let line = 0; line < count; line += 1) {
    const at = along === down ? voxelOf(plane, grid, index, line, 0) : voxelOf(plane, grid, index, 0, line);
    const origin = at[1] * grid.columns + at[2];
    if (along === down) copy(out, line * columns, slice(at[0]), origin, 1, columns, 0, step(across), components);
    else copyColumn(out, line, columns, slice(at[0]), origin, rows, step(down), components);
  }
  return out;
}

type Values = { [at: number]: number };

function copy(
  out: Values, first: number, from: Values, origin: number,
  rows: number, columns: number, down: number, across: number, components: number,
): void {
  let to = first * components;
  for (let row = 0; row < rows; row += 1) {
    let at = (origin + row * down) * components;
    for (let column = 0; column < columns; column += 1, at += across * components) {
      for (let part = 0; part < components; part += 1) out[to++] = from[at + part] ?? 0;
    }
  }
}

function copyColumn(
  out: Values, column: number, columns: number, from: Values, origin: number, rows: number, down: number, components: number,
): void {
  for (let row = 0; row < rows; row += 1) {
    for (let part = 0; part < components; part += 1) {
      out[(row * columns + column) * components + part] = from[(origin + row * down) * components + part] ?? 0;
    }
  }
}
