import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { fill } from "../texts";
import { deliveryQuery, type DeliveryPlan, type History, useChanged } from "./queries";
import { texts } from "#texts/report";
import { when } from "./when";

/** The report to print or send; before it is signed, as the run drafted it. */
export function PdfLink({ analysisId, status }: { analysisId: string; status: string }) {
  const plan = useQuery(deliveryQuery(analysisId));
  const pdf = plan.data?.files.find((file) => file.name === "report.pdf");
  if (!pdf) return null;
  return (
    <a href={pdf.url} download>
      {status === "signed" || status === "delivered" ? texts.delivery.pdf : texts.delivery.pdfDraft}
    </a>
  );
}

/** Files of the analysis, where a delivery would send each, and the request and approval that do it. */
export function Delivery({ analysisId, approvals }: { analysisId: string; approvals: History["approvals"] }) {
  const words = texts.delivery;
  const plan = useQuery(deliveryQuery(analysisId));
  return (
    <details className="part" open={plan.data?.ready ?? false}>
      <summary>{words.title}</summary>
      {plan.error && <Problem error={plan.error} onRetry={() => void plan.refetch()} />}
      {plan.data && <PlanTable plan={plan.data} />}
      {plan.data && <Asking analysisId={analysisId} plan={plan.data} approvals={approvals} />}
    </details>
  );
}

function PlanTable({ plan }: { plan: DeliveryPlan }) {
  const words = texts.delivery;
  return (
    <div className="wide" tabIndex={0} role="region" aria-label={words.table}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.file}</th>
            <th scope="col" className="number">
              {words.size}
            </th>
            {plan.destinations.map((destination) => (
              <th key={destination} scope="col">
                {destination === "folder" ? words.folder : destination}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {plan.files.map((file) => (
            <tr key={file.name}>
              <td>
                <a href={file.url} download>
                  {short(file.name)}
                </a>
              </td>
              <td className="number">{size(file.size)}</td>
              {plan.destinations.map((destination) => (
                <td key={destination}>
                  {file.kept_back ? words.stays : words.goes}
                  {file.kept_back && <p className="quiet-text">{file.kept_back}</p>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Asking({ analysisId, plan, approvals }: { analysisId: string; plan: DeliveryPlan; approvals: History["approvals"] }) {
  const words = texts.delivery;
  const changed = useChanged(analysisId);
  const [destination, setDestination] = useState(plan.destinations[0] ?? "");
  const { busy, error, act } = useAct();
  const pending = approvals.filter((one) => one.effect === "deliver" && one.decision === "pending");

  const run = (work: () => Promise<unknown>) => act(() => work().finally(changed)); // refused or not: somebody else may have decided
  const ask = () => dataOf(client.POST("/api/v1/approvals", { body: { analysis_id: analysisId, effect: "deliver", destination } }));
  const decide = (approvalId: string, decision: "approved" | "denied") =>
    dataOf(client.POST("/api/v1/approvals/{approval_id}", { params: { path: { approval_id: approvalId } }, body: { decision, reason: "" } }));

  return (
    <>
      {!plan.ready && <p className="quiet-text">{fill(words.why, { why: plan.why_not })}</p>}
      {plan.ready &&
        pending.map((one) => (
          <div key={one.approval_id} className="pending">
            <p>{fill(words.pending, { destination: one.details.destination ?? "", by: one.asked_by, at: when(one.asked) })}</p>
            <p className="row">
              <button type="button" className="primary" disabled={busy} onClick={() => void run(() => decide(one.approval_id, "approved"))}>
                {words.approve}
              </button>
              <button type="button" disabled={busy} onClick={() => void run(() => decide(one.approval_id, "denied"))}>
                {words.deny}
              </button>
            </p>
          </div>
        ))}
      {plan.ready && pending.length === 0 && (
        <p className="row">
          {plan.destinations.length > 1 && (
            <label>
              {words.destination}{" "}
              <select value={destination} onChange={(event) => setDestination(event.target.value)}>
                {plan.destinations.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
          )}
          <button type="button" className="primary" disabled={busy} onClick={() => void run(ask)}>
            {words.ask}
          </button>
        </p>
      )}
      {error !== null && <Problem error={error} />}
    </>
  );
}

/** A name that fits: of a long UID its end. */
const short = (name: string) => (name.length > 28 ? `…${name.slice(-26)}` : name);
const size = (bytes: number) => (bytes < 1024 ? `${bytes} B` : bytes < 1_048_576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1_048_576).toFixed(1)} MB`);
