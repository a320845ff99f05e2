/** Numbers as people read them. */

/** Seconds in the unit that fits: "4 s", "3 min", "2.5 h". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Latency: milliseconds below a second. */
export function latency(seconds: number | null): string {
  if (seconds === null) return "–";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** At most two decimals, none that say nothing. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export interface Bar {
  name: string;
  count: number;
  /** Of the longest bar, 0–1. */
  share: number;
}

/** Counts as bars; an empty list has none. */
export function bars(counts: { name: string; count: number }[]): Bar[] {
  const most = Math.max(1, ...counts.map((one) => one.count));
  return counts.map((one) => ({ ...one, share: one.count / most }));
}
