/** What several rooms of the reading page read from the server, each under one key. */

import { queryOptions } from "@tanstack/react-query";
import { client, dataOf, type Schemas } from "../api/client";

const readStudy = (studyUid: string) =>
  dataOf(client.GET("/api/v1/studies/{study_uid}", { params: { path: { study_uid: studyUid } } }));

export type StudyView = Awaited<ReturnType<typeof readStudy>>;
export type SeriesView = StudyView["series"][number];
export type AnalysisDocument = Schemas["AnalysisDocument"];

export const studyQuery = (studyUid: string) =>
  queryOptions({
    queryKey: ["study", studyUid],
    queryFn: () => readStudy(studyUid),
    staleTime: 60_000,
  });

export const analysesQuery = (studyUid: string) =>
  queryOptions({
    queryKey: ["analyses", studyUid],
    queryFn: () => dataOf(client.GET("/api/v1/studies/{study_uid}/analyses", { params: { path: { study_uid: studyUid } } })),
  });

export interface ReadAnalysis {
  document: AnalysisDocument;
  /** ETag, for If-Match: nothing is changed that changed in the meantime. */
  version: string;
}

export const analysisQuery = (analysisId: string) =>
  queryOptions({
    queryKey: ["analysis", analysisId],
    enabled: analysisId !== "",
    queryFn: async (): Promise<ReadAnalysis> => {
      const call = client.GET("/api/v1/analyses/{analysis_id}", { params: { path: { analysis_id: analysisId } } });
      const document = await dataOf(call);
      return { document, version: (await call).response.headers.get("ETag") ?? "" };
    },
  });
