/** Other studies of the same patient, and which of their series to lay beside the current one. */

import { useQuery } from "@tanstack/react-query";
import { client, dataOf, type Schemas } from "../api/client";
import { type SeriesView, type StudyView, studyQuery } from "../reading/queries";

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

export function usePriors(study: StudyView): StudySummary[] {
  const all = useQuery({
    queryKey: ["studies", "priors"],
    queryFn: () => dataOf(client.GET("/api/v1/studies", { params: { query: { limit: 1000 } } })),
    staleTime: 60_000,
    enabled: study.patient_id !== "",
  });
  return all.data ? priorsOf(study, all.data.studies) : [];
}

export const usePrior = (studyUid: string) => useQuery({ ...studyQuery(studyUid), enabled: studyUid !== "" });
