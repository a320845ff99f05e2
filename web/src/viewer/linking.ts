/** How two series scroll together, and in which words that is said. */

import { type Grid, type Link, linkedSlice, NO_OFFSET, type Offset, offsetOf } from "./engine/geometry";
import type { Series } from "./engine/stack";
import { texts } from "#texts/viewer";

/** The offsets of a pair, seen from each of them. */
export interface Offsets {
  there: Offset;
  back: Offset;
}
export const TOGETHER: Offsets = { there: NO_OFFSET, back: NO_OFFSET };

/** As the reader has laid them beside each other. */
export const offsetsOf = (grid: Grid, slice: number, other: Grid, shown: number): Offsets => ({
  there: offsetOf(grid, slice, other, shown),
  back: offsetOf(other, shown, grid, slice),
});

const NOTICEABLE_MM = 0.5;
const FAR = 1.5;

/** Whether positions of both are in one coordinate system; each examination begins one of its own as a rule. */
export const sameFrame = (one: Pick<Series, "frame_of_reference_uid">, other: Pick<Series, "frame_of_reference_uid">): boolean =>
  Boolean(one.frame_of_reference_uid) && one.frame_of_reference_uid === other.frame_of_reference_uid;

export interface Told extends Link {
  /** What the link is worth. */
  said: string;
}

/** Where the other goes, and what it is worth. */
export function linked(series: Series, slice: number, other: Series, offset: Offset): Told {
  const link = linkedSlice(series, slice, other, offset);
  if (link.by === "fraction") return { ...link, said: texts.linkedFraction };
  const said = [sameFrame(series, other) ? texts.linkedPosition : texts.linkedTable];
  if (Math.abs(offset.mm) >= NOTICEABLE_MM) said.push(texts.linkOffset(Math.abs(offset.mm)));
  const apart = link.apart_mm ?? 0;
  if (apart > FAR * Math.max(other.slice_spacing_mm ?? 0, 1)) said.push(texts.linkApart(apart));
  return { ...link, said: said.join(" · ") };
}
