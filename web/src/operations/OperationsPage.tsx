import { useQuery } from "@tanstack/react-query";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { Endpoints } from "./Endpoints";
import { Models } from "./Models";
import { Plot } from "./Plot";
import { Queues } from "./Queues";
import { Record } from "./Record";
import { Strategies } from "./Strategies";
import { fill } from "../texts";
import { texts } from "#texts/operations";
import "./operations.css";

const EVERY_MS = 5000;

/** How the installation does; read again every few seconds while somebody looks. */
export default function OperationsPage() {
  const now = useQuery({
    queryKey: ["operations"],
    queryFn: () => dataOf(client.GET("/api/v1/operations")),
    refetchInterval: EVERY_MS,
  });
  return (
    <div className="operations">
      <h1>{texts.title}</h1>
      {now.isPending && <Waiting />}
      {now.error && <Problem error={now.error} onRetry={() => void now.refetch()} />}
      {now.data && (
        <>
          <Queues now={now.data} onChanged={() => void now.refetch()} />
          <Endpoints endpoints={now.data.endpoints} />
          <section className="panel" aria-labelledby="reviews">
            <h2 id="reviews">{texts.reviews}</h2>
            <p className="quiet-text">
              {now.data.reviewed ? fill(texts.agreement, { edited: now.data.edited, reviewed: now.data.reviewed }) : texts.noReviews}
            </p>
            <div className="plots">
              <Plot title={texts.byStatus} counts={now.data.analyses} />
              <Plot title={texts.byMonth} counts={now.data.feedback.map((one) => ({ name: `${one.month} ${one.kind}`, count: one.count }))} />
              <Plot title={texts.byTarget} counts={now.data.feedback_targets} />
            </div>
          </section>
        </>
      )}
      <Strategies />
      <Models />
      <Record />
    </div>
  );
}
