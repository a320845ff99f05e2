/** What was measured in two reports: before, now, and by how much it changed. */

import type { Measurement, Report } from "./document";
import { valueText } from "./numbers";

export interface Difference {
  name: string;
  before: string;
  now: string;
  /** "" where it cannot be told. */
  change: string;
}

/** Sizes only; of a structure that was outlined twice in one report nothing is said, for it is not known which is which. */
const SIZES = new Set(["volume", "area", "long_axis", "short_axis", "cardiothoracic_ratio"]);

export function changesOf(now: Report, before: Report): Difference[] {
  const key = (one: Measurement) => `${one.target} ${one.name.replaceAll("_", " ")}`;
  const once = (report: Report) => {
    const found = new Map<string, Measurement | null>();
    for (const one of report.measurements) if (SIZES.has(one.name)) found.set(key(one), found.has(key(one)) ? null : one);
    return found;
  };
  const earlier = once(before);
  return [...once(now)].flatMap(([name, later]) => {
    const then = earlier.get(name);
    if (!later || !then || later.unit !== then.unit || later.value === null || then.value === null) return [];
    const percent = then.value === 0 ? "" : `${later.value >= then.value ? "+" : ""}${(((later.value - then.value) / then.value) * 100).toFixed(0)} %`;
    return [{ name, before: valueText(then), now: valueText(later), change: percent }];
  });
}
