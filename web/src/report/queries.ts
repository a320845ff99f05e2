/** What the room reads besides the analysis, and how a change of it reaches every room. */

import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { client, dataOf, type Schemas } from "../api/client";
import { useDesk } from "../reading/desk";
import { type AnalysisDocument, analysisQuery, type ReadAnalysis } from "../reading/queries";

export type History = Schemas["HistoryView"];
export type DeliveryPlan = Schemas["DeliveryPlan"];

const path = (analysisId: string) => ({ params: { path: { analysis_id: analysisId } } });

export const historyQuery = (analysisId: string) =>
  queryOptions({
    queryKey: ["analysis-history", analysisId],
    enabled: analysisId !== "",
    queryFn: () => dataOf(client.GET("/api/v1/analyses/{analysis_id}/history", path(analysisId))),
  });

export const deliveryQuery = (analysisId: string) =>
  queryOptions({
    queryKey: ["analysis-delivery", analysisId],
    enabled: analysisId !== "",
    queryFn: () => dataOf(client.GET("/api/v1/analyses/{analysis_id}/delivery", path(analysisId))),
  });

/** A document that a POST answered, with its version. Throws ApiError. */
export async function answered(call: Promise<{ data?: AnalysisDocument; error?: unknown; response: Response }>): Promise<ReadAnalysis> {
  const document = await dataOf(call);
  return { document, version: (await call).response.headers.get("ETag") ?? "" };
}

/** Tells everybody that an analysis changed on the server; with the answer, nobody waits for it to be read again. */
export function useChanged(analysisId: string): (read?: ReadAnalysis) => Promise<void> {
  const queries = useQueryClient();
  const desk = useDesk();
  return useCallback(
    async (read?: ReadAnalysis) => {
      if (read) queries.setQueryData(analysisQuery(analysisId).queryKey, read);
      desk.wish("changed", analysisId);
      await Promise.all([
        ...(read ? [] : [queries.invalidateQueries({ queryKey: analysisQuery(analysisId).queryKey })]),
        queries.invalidateQueries({ queryKey: historyQuery(analysisId).queryKey }),
        queries.invalidateQueries({ queryKey: deliveryQuery(analysisId).queryKey }),
        queries.invalidateQueries({ queryKey: ["analyses"] }),
      ]);
    },
    [queries, desk, analysisId],
  );
}
