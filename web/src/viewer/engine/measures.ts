/** Measurements that readers draw: what Cornerstone's tools know of them, in the words and units of a report. */

import { core, TOOLS, tools } from "./cornerstone";

export type MeasureKind = "length" | "bidirectional" | "ellipse" | "rectangle" | "angle";

export interface Measured {
  id: string;
  kind: MeasureKind;
  imageId: string;
  /** Index of the picture in its stack. */
  index: number;
  /** Beside the drawing, in Cornerstone's coordinates. */
  place: readonly number[];
  /** One line a number. */
  lines: string[];
  /** The first number: mm, degrees; null where it is in pixels or not known yet. */
  value_mm: number | null;
}

interface Stats {
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
  modalityUnit?: string | null;
}

const KINDS = new Map<string, MeasureKind>(
  (["length", "bidirectional", "ellipse", "rectangle", "angle"] as const).map((kind) => [TOOLS[kind].toolName, kind]),
);

/** All measurements of a series (of all its planes), oldest first. */
export function measuredOn(seriesUid: string): Measured[] {
  const found: Measured[] = [];
  for (const annotation of tools.annotation.state.getAllAnnotations()) {
    const kind = KINDS.get(annotation.metadata?.toolName ?? "");
    const imageId = annotation.metadata?.referencedImageId ?? "";
    const points = annotation.data?.handles?.points as readonly number[][] | undefined;
    if (!kind || !imageId.startsWith(`medimage:${seriesUid}/`) || !points?.length || !annotation.annotationUID) continue;
    const stats = Object.values((annotation.data?.cachedStats ?? {}) as Record<string, Stats>)[0];
    found.push({
      id: annotation.annotationUID,
      kind,
      imageId,
      index: Number(imageId.slice(imageId.lastIndexOf("/") + 1)),
      place: points.length === 3 && kind === "angle" ? (points[1] as number[]) : (points[points.length > 3 ? 1 : points.length - 1] as number[]),
      lines: stats ? said(kind, stats) : [],
      value_mm: stats && kind !== "angle" && stats.unit?.startsWith("mm") ? (stats.length ?? null) : null,
    });
  }
  return found;
}

const fixed = (value: number | null | undefined, digits: number) => (typeof value === "number" ? value.toFixed(digits) : "–");

/** The numbers of a measurement, a line each. Pixels stay pixels. */
export function said(kind: MeasureKind, stats: Stats): string[] {
  const unit = stats.unit ?? "px";
  switch (kind) {
    case "length":
      return [`${fixed(stats.length, 1)} ${unit}`];
    case "bidirectional":
      return [`L ${fixed(stats.length, 1)} ${unit}`, `S ${fixed(stats.width, 1)} ${stats.widthUnit ?? unit}`];
    case "angle":
      return [`${fixed(Number(stats.angle), 1)}°`];
    case "ellipse":
    case "rectangle": {
      const of = stats.modalityUnit && stats.modalityUnit !== "raw" ? ` ${stats.modalityUnit}` : "";
      return [
        `mean ${fixed(stats.mean, 1)}${of}`,
        `SD ${fixed(stats.stdDev, 1)}${of}`,
        `${fixed(stats.area, 0)} ${stats.areaUnit ?? "px²"}`,
      ];
    }
  }
}

/** Called whenever a measurement is drawn, changed or removed; the answer ends it. */
export function onMeasured(listener: () => void): () => void {
  const { ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED, ANNOTATION_ADDED } = tools.Enums.Events;
  const kinds = [ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED, ANNOTATION_ADDED];
  for (const kind of kinds) core.eventTarget.addEventListener(kind, listener);
  return () => {
    for (const kind of kinds) core.eventTarget.removeEventListener(kind, listener);
  };
}

export function removeMeasured(id: string): void {
  tools.annotation.state.removeAnnotation(id);
}

/** Forget all that was drawn: the next patient's pictures begin clean. */
export function removeAllMeasured(): void {
  tools.annotation.state.removeAllAnnotations();
}
