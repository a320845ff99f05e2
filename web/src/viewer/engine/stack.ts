/** A series as the pictures that a viewport shows: its values, its geometry and its masks, all in one plane. */

import { blockSize, fromServer, Slices, type Values } from "./blocks";
import { type Grid, placeOf, type Vector, type Voxel } from "./geometry";
import type { Mask } from "./mask";
import { texts } from "#texts/viewer";
import { gather, type Plane, pictureDirections, sizes, spacings, voxelOf } from "./plane";

/** What the viewer needs of a series; the API's `SeriesView` has it. */
export interface Series extends Grid {
  series_uid: string;
  modality: string;
  description: string;
  colour: boolean;
  value_unit: string;
  spacing_source: string;
  display_window: readonly number[] | null;
  /** Series of one such frame lie in one coordinate system; "" or absent where it is not known. */
  frame_of_reference_uid?: string;
}

const BYTES = 2;

/** The slices of a series, for any number of stacks. */
export function slicesOf(studyUid: string, series: Series): Slices {
  const bytes = series.rows * series.columns * (series.colour ? 3 : BYTES);
  return new Slices(series.slices, blockSize(bytes), bytes, fromServer(studyUid, series.series_uid));
}

export class Stack {
  readonly key: string;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;

  constructor(
    readonly series: Series,
    readonly plane: Plane,
    readonly slices: Slices,
  ) {
    this.key = `${series.series_uid}/${plane.name}`;
    [this.count, this.rows, this.columns] = sizes(plane, series);
  }

  imageId(index: number): string {
    return `medimage:${this.key}/${index}`;
  }

  /** Millimetres down and across between pixels; null where the file does not say. */
  get spacing(): [number, number] | null {
    const [, down, across] = spacings(this.plane, this.series);
    return down && across ? [down, across] : null;
  }

  /** Values of a picture, in the series' own type. */
  async values(index: number): Promise<Values> {
    if (this.plane.through.of === 0) await this.slices.get(index);
    else await this.slices.all();
    const first = await this.slices.get(this.plane.through.of === 0 ? index : 0);
    const Type = first.constructor as new (length: number) => Values;
    const slice = (at: number) => {
      const values = at === index && this.plane.through.of === 0 ? first : this.slices.now(at);
      if (!values) throw new Error(texts.incomplete); // never zeros in the place of what is not here
      return values;
    };
    return gather(this.plane, this.series, index, slice, (length) => new Type(length), this.series.colour ? 3 : 1);
  }

  /** A mask of the series in a picture: rows × columns bytes. */
  mask(mask: Mask, index: number): Uint8Array | null {
    if (this.plane.through.of === 0 && !mask.has(index)) return null;
    return gather(this.plane, this.series, index, (at) => mask.slice(at), (length) => new Uint8Array(length));
  }

  /** The voxel of the series under a pixel; null outside. */
  voxel(index: number, down: number, across: number): Voxel | null {
    if (down < 0 || across < 0 || down >= this.rows || across >= this.columns) return null;
    return voxelOf(this.plane, this.series, index, down, across);
  }

  /** Where the picture lies for Cornerstone, in mm, or in pixels where nothing is known. */
  frame(index: number): { origin: Vector; across: Vector; down: Vector; known: boolean } {
    const along = pictureDirections(this.plane, this.series);
    const origin = placeOf(this.series, voxelOf(this.plane, this.series, index, 0, 0));
    if (along && origin && this.spacing) return { origin, across: along[2], down: along[1], known: true };
    return { origin: [0, 0, index], across: [1, 0, 0], down: [0, 1, 0], known: false };
  }
}
