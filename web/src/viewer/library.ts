/** The series that are open, each fetched once, whatever shows it. */

import type { SeriesView } from "../reading/queries";
import { KEPT_BYTES, type Slices } from "./engine/blocks";
import { forget } from "./engine/cornerstone";
import { acquired, cuts, type PlaneName } from "./engine/plane";
import { slicesOf, Stack } from "./engine/stack";

/** Kept of series that are not shown now, so that going back to one is quick. */
const RESERVE_BYTES = KEPT_BYTES / 4;

export class Library {
  /** Emptied: not to be used again. */
  ended = false;
  /** The one that was shown least recently first. */
  private readonly slices = new Map<string, Slices>();
  private readonly stacks = new Map<string, Stack>();

  /** A series in a plane; one object as long as the library lives. */
  stack(studyUid: string, series: SeriesView, name: PlaneName): Stack {
    const key = `${series.series_uid}/${name}`;
    let stack = this.stacks.get(key);
    if (!stack) {
      let slices = this.slices.get(series.series_uid);
      if (!slices) {
        slices = slicesOf(studyUid, series);
        this.slices.set(series.series_uid, slices);
      }
      const plane = name === "acquired" ? acquired(series, series.modality) : cuts(series).find((cut) => cut.name === name);
      stack = new Stack(series, plane ?? acquired(series, series.modality), slices);
      this.stacks.set(key, stack);
    }
    return stack;
  }

  /** Divide the memory among the series that are shown; of the others the last ones are kept, as far as the reserve goes. */
  share(seriesUids: readonly string[]): void {
    for (const uid of seriesUids) {
      const slices = this.slices.get(uid);
      if (!slices) continue;
      this.slices.delete(uid);
      this.slices.set(uid, slices);
      slices.keepWithin(KEPT_BYTES / seriesUids.length);
    }
    let rest = RESERVE_BYTES;
    for (const [uid, slices] of [...this.slices].reverse()) {
      if (seriesUids.includes(uid)) continue;
      slices.pause();
      rest -= slices.held;
      if (rest < 0) slices.keepWithin(0);
    }
  }

  end(): void {
    this.ended = true;
    for (const stack of this.stacks.values()) forget(stack);
    for (const slices of this.slices.values()) slices.end();
    this.stacks.clear();
    this.slices.clear();
  }
}
