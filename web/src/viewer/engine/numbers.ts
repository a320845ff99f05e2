/** Measurements in the words and units of a report. */

import { texts } from "#texts/viewer";
import type { PlaneName } from "./plane";

export type MeasureKind = "length" | "bidirectional" | "ellipse" | "rectangle" | "angle";

export interface Measured {
  id: string;
  kind: MeasureKind;
  imageId: string;
  plane: PlaneName;
  /** Index of the picture in its stack. */
  index: number;
  /** Beside the drawing, in Cornerstone's coordinates. */
  place: readonly number[];
  /** One line a number. */
  lines: string[];
  /** The first number: mm, degrees; null where it is in pixels or not known yet. */
  value_mm: number | null;
}

/** What Cornerstone's tools work out. */
export interface Stats {
  length?: number | null;
  width?: number | null;
  unit?: string | null;
  widthUnit?: string | null;
  angle?: number | string | null;
  area?: number | null;
  areaUnit?: string | null;
  mean?: number | null;
  stdDev?: number | null;
  min?: number | null;
  max?: number | null;
}

const fixed = (value: number | null | undefined, digits: number) => (typeof value === "number" ? value.toFixed(digits) : "–");

/** The numbers of a measurement, a line each. Pixels stay pixels; `valueUnit` is the series' own: Cornerstone calls all of CT "HU". */
export function said(kind: MeasureKind, stats: Stats, valueUnit: string): string[] {
  const unit = stats.unit ?? "px";
  switch (kind) {
    case "length":
      return [`${fixed(stats.length, 1)} ${unit}`];
    case "bidirectional":
      return [`${texts.long} ${fixed(stats.length, 1)} ${unit}`, `${texts.short} ${fixed(stats.width, 1)} ${stats.widthUnit ?? unit}`];
    case "angle":
      return [`${fixed(Number(stats.angle), 1)}°`];
    case "ellipse":
    case "rectangle": {
      if (typeof stats.mean !== "number") return [texts.noValues];
      const of = valueUnit && ` ${valueUnit}`;
      return [
        `${texts.mean} ${fixed(stats.mean, 1)}${of}`,
        `${texts.deviation} ${fixed(stats.stdDev, 1)}${of}`,
        `${fixed(stats.area, 0)} ${stats.areaUnit ?? "px²"}`,
      ];
    }
  }
}

/** Two lengths that were drawn in one picture, the first that are: a ratio of lengths in two pictures means nothing. */
export function pairOf(measured: readonly Measured[]): [Measured, Measured] | null {
  const lengths = measured.filter(({ kind }) => kind === "length");
  for (const one of lengths) {
    const other = lengths.find(({ id, imageId }) => id !== one.id && imageId === one.imageId);
    if (other) return [one, other];
  }
  return null;
}

/** The shorter of two lengths over the longer: a ratio needs no millimetres. "" where one has no length yet. */
export function ratioOf(one: Measured, other: Measured): string {
  const [a, b] = [one, other].map(({ lines }) => Number.parseFloat(lines[0] ?? "")) as [number, number];
  return a > 0 && b > 0 ? (Math.min(a, b) / Math.max(a, b)).toFixed(2) : "";
}
