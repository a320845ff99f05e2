/** What the worklist reads from the server and changes there. */

import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, dataOf, type Schemas } from "../api/client";
import { type Filter, query } from "./model";

export const PAGE = 50;

export const rowsQuery = (filter: Filter) =>
  infiniteQueryOptions({
    queryKey: ["worklist", "rows", query(filter)],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) => {
      const page = await dataOf(
        client.GET("/api/v1/worklist", { params: { query: { ...query(filter), limit: PAGE, after: pageParam } }, signal }),
      );
      return { ...page, readAt: Date.now() };
    },
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });

export const countsQuery = queryOptions({
  queryKey: ["worklist", "counts"],
  queryFn: ({ signal }) => dataOf(client.GET("/api/v1/worklist/counts", { signal })),
  // Of a long list the server may give counts from before the last change.
  refetchInterval: 10_000,
});

export type Marks = Schemas["MarksBody"];

/** Marks a study; what it comes to is read with the next list. */
export function markStudy(studyUid: string, marks: Marks) {
  return dataOf(client.POST("/api/v1/worklist/{study_uid}", { params: { path: { study_uid: studyUid } }, body: marks }));
}

export function useWorklistAct<In>(act: (given: In) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => queries.invalidateQueries({ queryKey: ["worklist"] }),
  });
}

export const hurryJob = ({ jobId, priority }: { jobId: string; priority: Schemas["Priority"] }) =>
  dataOf(client.POST("/api/v1/jobs/{job_id}/priority", { params: { path: { job_id: jobId } }, body: { priority } }));

export const stopJob = (jobId: string) =>
  dataOf(client.POST("/api/v1/jobs/{job_id}/cancel", { params: { path: { job_id: jobId } } }));

export const orderAnalysis = ({ studyUid, ...body }: Schemas["AnalysisOrder"] & { studyUid: string }) =>
  dataOf(client.POST("/api/v1/studies/{study_uid}/analyses", { params: { path: { study_uid: studyUid } }, body }));
