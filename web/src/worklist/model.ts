/** What the worklist says and asks for, without the page: texts of times, filters as questions, what a key does. */

import type { Schemas } from "../api/client";
import { fill } from "../texts";
import { texts } from "#texts/worklist";

export type Row = Schemas["WorklistItem"];
export type Counts = Schemas["WorklistCounts"];
export type Priority = Row["priority"];
export type Sort = Schemas["Sort"];

export const PRIORITIES: readonly Priority[] = ["STAT", "URGENT", "ROUTINE", "RESEARCH"];

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something lasts, as exactly as a reader needs it: "just now", "12 min", "3 h 5 min", "2 d 4 h". */
export function span(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < MINUTE) return texts.age.now;
  if (s < HOUR) return fill(texts.age.min, { n: Math.floor(s / MINUTE) });
  if (s < DAY) {
    const h = Math.floor(s / HOUR);
    const min = Math.floor((s % HOUR) / MINUTE);
    return min === 0 ? fill(texts.age.h, { n: h }) : fill(texts.age.hMin, { h, min });
  }
  const d = Math.floor(s / DAY);
  const h = Math.floor((s % DAY) / HOUR);
  return h === 0 || d > 6 ? fill(texts.age.d, { n: d }) : fill(texts.age.dH, { d, h });
}

export interface Clock {
  text: string;
  /** soon: less than a quarter of the time is left. */
  mood: "none" | "good" | "soon" | "late";
}

/** How long something is late: the minute does not matter any more after an hour. */
function roughly(seconds: number): string {
  if (seconds < HOUR) return fill(texts.age.min, { n: Math.max(1, Math.floor(seconds / MINUTE)) });
  if (seconds < DAY) return fill(texts.age.h, { n: Math.floor(seconds / HOUR) });
  return fill(texts.age.d, { n: Math.floor(seconds / DAY) });
}

/** The clock of a row that shall be read by a time. */
export function clock(row: Pick<Row, "due_in_s" | "age_s">, elapsed = 0): Clock {
  if (row.due_in_s === null) return { text: "", mood: "none" };
  const left = row.due_in_s - elapsed;
  if (left < 0) return { text: fill(texts.overdue, { time: roughly(-left) }), mood: "late" };
  const whole = row.due_in_s + row.age_s;
  const text = left < MINUTE ? texts.dueNow : fill(texts.due, { time: span(left) });
  return { text, mood: left < whole / 4 ? "soon" : "good" };
}

/** In the unit that `of` is told in. */
function short(seconds: number, of = seconds): { n: number; unit: "seconds" | "minutes" | "hours" } {
  if (of < 90) return { n: Math.max(1, Math.round(seconds)), unit: "seconds" };
  if (of < 90 * MINUTE) return { n: Math.round(seconds / MINUTE), unit: "minutes" };
  return { n: Math.round((seconds / HOUR) * 10) / 10, unit: "hours" };
}

/** The time that a job will still take, as an interval where one is known; "" where nothing is. */
export function remaining(job: Pick<Schemas["WorklistJob"], "eta_s" | "eta_low_s" | "eta_high_s">): string {
  const { eta_s: middle, eta_low_s: low, eta_high_s: high } = job;
  if (middle === null) return "";
  const told = short(middle);
  if (low === null || high === null) return fill(texts.eta[told.unit], { n: told.n });
  const [from, to] = [short(low, high), short(high)];
  if (from.n === to.n) return fill(texts.eta[to.unit], { n: to.n });
  return fill(texts.eta[to.unit], { n: `${from.n}–${to.n}` });
}

/** Why a job is as urgent as it is: who raised it, "" where it is as it was ordered. */
export function raised(job: Schemas["WorklistJob"] | null): string {
  const last = job?.reasons.at(-1);
  if (!job || !last || job.priority === job.ordered) return "";
  const kind = last.kind as keyof typeof texts.kind;
  const why = texts.kind[kind] ?? texts.kind.other;
  const told = [why, last.text && `“${last.text}”`, last.source].filter(Boolean).join(", ");
  return `${fill(texts.raised, { why: told })}; ${fill(texts.orderedAs, { priority: texts.priority[job.ordered] })}`;
}

export function title(row: Pick<Row, "modality" | "body_part" | "description">): string {
  const said = row.description || row.body_part;
  const parts = said.toUpperCase().startsWith(`${row.modality} `) ? [said] : [row.modality, said].filter(Boolean);
  return parts.join(" · ") || texts.columns.study;
}

export function facts(row: Pick<Row, "series_count" | "image_count">): string {
  if (row.image_count === 1) return texts.oneImage;
  if (row.series_count === 1) return fill(texts.oneSeries, { images: row.image_count });
  return fill(texts.facts, { series: row.series_count, images: row.image_count });
}

export const isActive = (row: Pick<Row, "job">) =>
  row.job !== null && (row.job.state === "queued" || row.job.state === "running" || row.job.state === "waiting");

/** What the reader chose to see; kept on this machine. */
export interface Filter {
  priority: Priority[];
  modality: string[];
  group: Group | "";
  unread: boolean;
  flagged: boolean;
  mine: boolean;
  critical: boolean;
  overdue: boolean;
  search: string;
  sort: Sort;
}

export type Group = "work" | "failed" | "toRead" | "signed";
export type Flag = "unread" | "flagged" | "mine" | "critical" | "overdue";
export const FLAGS: readonly Flag[] = ["unread", "flagged", "mine", "critical", "overdue"];

/** Groups of job states, or of analyses' statuses. */
export const GROUPS = {
  work: { state: ["queued", "running", "waiting"] },
  failed: { state: ["failed"] },
  toRead: { status: ["draft", "partial", "in_review"] },
  signed: { status: ["signed", "delivered"] },
} as const;

export const EVERYTHING: Filter = {
  priority: [],
  modality: [],
  group: "",
  unread: false,
  flagged: false,
  mine: false,
  critical: false,
  overdue: false,
  search: "",
  sort: "urgent",
};

export function isFiltered(filter: Filter): boolean {
  return JSON.stringify({ ...filter, sort: "urgent" }) !== JSON.stringify(EVERYTHING);
}

/** A filter as the server is asked. */
export function query(filter: Filter) {
  const group: { state?: readonly string[]; status?: readonly string[] } = filter.group ? GROUPS[filter.group] : {};
  const flags = Object.fromEntries(FLAGS.filter((flag) => filter[flag]).map((flag) => [flag, true]));
  return {
    ...(filter.priority.length > 0 && { priority: filter.priority }),
    ...(filter.modality.length > 0 && { modality: filter.modality }),
    ...(group.state && { state: [...group.state] as Schemas["JobState"][] }),
    ...(group.status && { status: [...group.status] as Schemas["Status"][] }),
    ...flags,
    ...(filter.search.trim() && { search: filter.search.trim().slice(0, 200) }),
    sort: filter.sort,
  };
}

export function groupCount(group: Group, counts: Counts | undefined): number {
  const which: { state?: readonly string[]; status?: readonly string[] } = GROUPS[group];
  const of = (names: readonly string[] | undefined, all: Record<string, number> | undefined) =>
    (names ?? []).reduce((sum, name) => sum + (all?.[name] ?? 0), 0);
  return of(which.state, counts?.states) + of(which.status, counts?.statuses);
}

const KEY = "medimage.worklist";

/** The filter of last time; what cannot be read, or is not known any more, is left out. */
export function remembered(store: Pick<Storage, "getItem">): Filter {
  try {
    const kept = JSON.parse(store.getItem(KEY) ?? "{}") as Partial<Record<keyof Filter, unknown>>;
    const texts = (value: unknown) => (Array.isArray(value) ? value.filter((each) => typeof each === "string") : []);
    return {
      ...EVERYTHING,
      priority: PRIORITIES.filter((each) => texts(kept.priority).includes(each)),
      modality: texts(kept.modality).slice(0, 20) as string[],
      group: typeof kept.group === "string" && kept.group in GROUPS ? (kept.group as Group) : "",
      ...Object.fromEntries(FLAGS.map((flag) => [flag, kept[flag] === true])),
      sort: kept.sort === "due" || kept.sort === "newest" ? kept.sort : "urgent",
    };
  } catch {
    return EVERYTHING;
  }
}

/** The search is not kept: it may hold a patient's id. */
export function remember(store: Pick<Storage, "setItem">, filter: Filter): void {
  store.setItem(KEY, JSON.stringify({ ...filter, search: "" }));
}

/** The row that is chosen after the list changed: the same study, else the one that stands in its place. */
export function kept(uids: readonly string[], chosen: string, place: number): string {
  if (uids.includes(chosen)) return chosen;
  return uids[Math.min(Math.max(place, 0), uids.length - 1)] ?? "";
}

/** The row a step further. */
export function moved(uids: readonly string[], chosen: string, by: 1 | -1): string {
  const at = uids.indexOf(chosen);
  if (at < 0) return uids[0] ?? "";
  return uids[Math.min(Math.max(at + by, 0), uids.length - 1)] ?? "";
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(1024)));
  const value = bytes / 1024 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power - 1]}`;
}
