/** Measurements that readers draw: found among what Cornerstone keeps, and told when they change. */

import { core, TOOLS, tools } from "./cornerstone";
import { type Measured, type MeasureKind, said, type Stats } from "./numbers";
import type { PlaneName } from "./plane";
import { unitOf } from "./windows";

const KINDS = new Map<string, MeasureKind>(
  (["length", "bidirectional", "ellipse", "rectangle", "angle"] as const).map((kind) => [TOOLS[kind].toolName, kind]),
);

/** All measurements of a series (of all its planes), oldest first. */
export function measuredOn({ series_uid: seriesUid, value_unit }: { series_uid: string; value_unit: string }): Measured[] {
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
      plane: imageId.split("/").at(-2) as PlaneName,
      index: Number(imageId.slice(imageId.lastIndexOf("/") + 1)),
      place: points.length === 3 && kind === "angle" ? (points[1] as number[]) : (points[points.length > 3 ? 1 : points.length - 1] as number[]),
      lines: stats ? said(kind, stats, unitOf({ value_unit })) : [],
      value_mm: stats && kind !== "angle" && stats.unit?.startsWith("mm") ? (stats.length ?? null) : null,
    });
  }
  return found;
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
