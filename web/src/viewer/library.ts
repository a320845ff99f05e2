/** The series that are open, each fetched once, whatever shows it. */

import type { SeriesView } from "../reading/queries";
import type { Slices } from "./engine/blocks";
import { forget } from "./engine/cornerstone";
import { acquired, cuts, type PlaneName } from "./engine/plane";
import { slicesOf, Stack } from "./engine/stack";

export class Library {
  /** Emptied: not to be used again. */
  ended = false;
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

  end(): void {
    this.ended = true;
    for (const stack of this.stacks.values()) forget(stack);
    for (const slices of this.slices.values()) slices.end();
    this.stacks.clear();
    this.slices.clear();
  }
}
