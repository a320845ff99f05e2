/** Other studies of the same patient, and which of their series to lay beside the current one. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { client, dataOf, type Schemas } from "../api/client";
import { type SeriesView, type StudyView, studyQuery } from "../reading/queries";
import { texts } from "#texts/viewer";

export type StudySummary = Schemas["StudySummary"];

/** The nearest earlier one of the same modality and region first; nobody's studies where the patient is not named. */
export function priorsOf(study: StudySummary, all: readonly StudySummary[]): StudySummary[] {
  if (!study.patient_id) return [];
  const others = all.filter((other) => other.patient_id === study.patient_id && other.study_uid !== study.study_uid);
  const when = (one: StudySummary) => Date.parse(one.started ?? one.created ?? "") || 0;
  const rank = (one: StudySummary) =>
    (one.modality === study.modality ? 4 : 0) + (one.body_part === study.body_part ? 2 : 0) + (when(one) <= when(study) ? 1 : 0);
  return others.sort((a, b) => rank(b) - rank(a) || when(b) - when(a));
}

/** The series most like the one that is read: modality and region, then description, then as many pictures. */
export function likest(series: SeriesView, candidates: readonly SeriesView[]): SeriesView | undefined {
  const rank = (one: SeriesView) =>
    (one.modality === series.modality ? 8 : 0) +
    (one.body_part === series.body_part ? 4 : 0) +
    (one.description === series.description ? 2 : 0) +
    Math.min(one.slices, series.slices) / Math.max(one.slices, series.slices);
  return [...candidates].sort((a, b) => rank(b) - rank(a))[0];
}

/** "None is here" may be said only when it is known; a failure is chosen to be seen and tried again. */
export function refusal({ priors, pending, failed }: { priors: number; pending: boolean; failed: boolean }): string {
  if (priors > 0 || failed) return "";
  return pending ? texts.priorsLoading : texts.noPrior;
}

export interface Priors {
  priors: StudySummary[];
  pending: boolean;
  error: unknown;
  /** Why none can be laid beside; "" where one can, or where the reason is worth a bar of its own. */
  refused: string;
  retry: () => void;
}

export function usePriors(study: StudyView): Priors {
  const all = useQuery({
    queryKey: ["studies", "priors"],
    queryFn: () => dataOf(client.GET("/api/v1/studies", { params: { query: { limit: 1000 } } })),
    staleTime: 60_000,
    enabled: study.patient_id !== "",
  });
  const priors = useMemo(() => (all.data ? priorsOf(study, all.data.studies) : []), [all.data, study]);
  return {
    priors,
    pending: all.isLoading,
    error: all.data ? null : all.error,
    refused: refusal({ priors: priors.length, pending: all.isLoading, failed: !all.data && all.isError }),
    retry: () => void all.refetch(),
  };
}

export const usePrior = (studyUid: string) => useQuery({ ...studyQuery(studyUid), enabled: studyUid !== "" });
