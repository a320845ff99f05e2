/** What the analysis marked: masks with their verdicts, and boxes of findings. */

import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { client, dataOf, type Schemas } from "../api/client";
import { UNSURE } from "../reading/confidence";
import { type AnalysisDocument, analysisQuery } from "../reading/queries";
import { Mask } from "./engine/mask";
import type { Box } from "./engine/painter";
import type { Colour } from "./engine/pictures";
import type { Shape } from "./engine/runs";

export interface Structure {
  /** Of all analyses: what a reader hid, coloured or corrected in one must not show in another. */
  key: string;
  /** Of its analysis, as "m1". */
  id: string;
  target: string;
  seriesUid: string;
  colour: Colour;
  voxels: number;
  outcome: "pass" | "review" | "reject";
  reasons: string[];
  confidence: number | null;
  lowConfidence: boolean;
  /** Null while it comes, or where there are no pixels. */
  mask: Mask | null;
  uncertain: Mask | null;
  problem: unknown;
  /** Pixels are on their way. */
  coming: boolean;
}

export interface Marked {
  structures: Structure[];
  boxes: Map<string, Box[]>;
  known: boolean;
  /** Known, and not being read again. */
  settled: boolean;
  problem: unknown;
  retry: () => void;
}

/** Distinct on grey, also for most who see colours differently (after Okabe and Ito). */
const COLOURS: Colour[] = [
  [255, 176, 59],
  [86, 180, 233],
  [64, 210, 160],
  [240, 228, 66],
  [226, 120, 190],
  [120, 150, 255],
  [255, 112, 67],
  [160, 220, 90],
  [196, 160, 255],
  [120, 220, 230],
];

/** Structures of an analysis, those that need the reader most first, and the boxes of its findings by series. */
export function useMarks(analysisId: string): Marked {
  const analysis = useQuery(analysisQuery(analysisId));
  const document = analysis.data?.document;
  const rows = useMemo(() => (document ? rowsOf(analysisId, document) : []), [analysisId, document]);
  const wanted = useMemo(() => rows.filter((row) => row.voxels > 0 && row.outcome !== "reject"), [rows]);
  const pixels = useQueries({
    queries: wanted.map((row) => ({
      queryKey: ["mask", analysisId, row.id],
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: async () => {
        const path = { analysis_id: analysisId, mask_id: row.id };
        return toMasks(await dataOf(client.GET("/api/v1/analyses/{analysis_id}/masks/{mask_id}", { params: { path } })));
      },
      structuralSharing: false as const,
    })),
    combine: together,
  });
  const structures = useMemo(() => {
    const found = new Map(wanted.map((row, at) => [row.id, pixels[at]]));
    return rows
      .map((row) => {
        const own = found.get(row.id);
        const coming = own !== undefined && !own.data && !own.error;
        return { ...row, mask: own?.data?.mask ?? null, uncertain: own?.data?.uncertain ?? null, problem: own?.error ?? null, coming };
      })
      .sort((a, b) => urgency(b) - urgency(a));
  }, [rows, wanted, pixels]);
  const boxes = useMemo(() => (document ? boxesOf(document) : new Map<string, Box[]>()), [document]);
  return {
    structures,
    boxes,
    known: document !== undefined,
    settled: analysisId !== "" && !analysis.isPending && !analysis.isFetching,
    problem: document === undefined ? analysis.error : null,
    retry: () => void analysis.refetch(),
  };
}

const together = <Data,>(results: { data: Data | undefined; error: unknown }[]) => results.map(({ data, error }) => ({ data, error }));

type Row = Omit<Structure, "mask" | "uncertain" | "problem" | "coming">;

/** The document is open: a page reads of it what it knows. */
export function rowsOf(analysisId: string, document: AnalysisDocument): Row[] {
  return document.masks.flatMap((mask, at) => {
    const qa = (mask.qa ?? {}) as Record<string, unknown>;
    const confidence = typeof qa.confidence === "number" ? qa.confidence : null;
    if (typeof mask.id !== "string") return [];
    return [
      {
        key: `${analysisId}/${mask.id}`,
        id: mask.id,
        target: String(mask.target ?? mask.id),
        seriesUid: String(mask.series_uid ?? ""),
        colour: COLOURS[at % COLOURS.length] ?? [255, 255, 255],
        voxels: Number(mask.voxel_count ?? 0),
        outcome: qa.outcome === "pass" || qa.outcome === "reject" ? qa.outcome : "review",
        reasons: Array.isArray(qa.reasons) ? qa.reasons.map(String) : [],
        confidence,
        lowConfidence: confidence !== null && confidence < UNSURE,
      },
    ];
  });
}

/** Rejected last: there is nothing to look at; of the others the doubtful first. */
function urgency(row: Pick<Structure, "outcome" | "lowConfidence" | "confidence">): number {
  if (row.outcome === "reject") return -1;
  return (row.outcome === "review" ? 2 : 0) + (row.lowConfidence ? 1 : 0) + (1 - (row.confidence ?? 0.5)) / 10;
}

function toMasks(body: Omit<Schemas["MaskPixels"], "shape"> & { shape: number[] }): { mask: Mask; uncertain: Mask | null } {
  const shape = body.shape as unknown as Shape;
  return { mask: new Mask(body.runs, shape), uncertain: body.uncertain.length > 0 ? new Mask(body.uncertain, shape) : null };
}

/** Boxes where findings carry them: `boxes` of left, top, right, bottom in pixels, on a series (the only one if it is not said). */
export function boxesOf(document: AnalysisDocument): Map<string, Box[]> {
  const found = new Map<string, Box[]>();
  const series = (document as { series?: { series_uid?: string }[] }).series ?? [];
  for (const finding of document.findings) {
    const uid = String(finding.series_uid ?? (series.length === 1 ? (series[0]?.series_uid ?? "") : ""));
    if (!uid || !Array.isArray(finding.boxes)) continue;
    for (const edges of finding.boxes as unknown[]) {
      if (!Array.isArray(edges) || edges.length !== 4 || !edges.every(Number.isFinite)) continue;
      const own = found.get(uid) ?? [];
      own.push({ slice: Number(finding.slice ?? 0), edges: edges as unknown as Box["edges"], label: String(finding.text ?? "").slice(0, 48) });
      found.set(uid, own);
    }
  }
  return found;
}
