import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { useDesk } from "../reading/desk";
import { fill } from "../texts";
import { texts } from "#texts/chat";
import type { ApprovalCard } from "./turn";

/** A request for an effect, with the two buttons that only a person can press. */
export function ApprovalCardView({ card, onSettled }: { card: ApprovalCard; onSettled: (approvalId: string, state: string) => void }) {
  const desk = useDesk();
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const { busy, error, act } = useAct();
  const words = texts.approval;
  const what = card.effect === "sign" ? words.sign : words.deliver;

  async function decide(decision: "approved" | "denied") {
    const path = { approval_id: card.approvalId };
    const answer = await dataOf(client.POST("/api/v1/approvals/{approval_id}", { params: { path }, body: { decision, reason } }));
    onSettled(card.approvalId, answer.decision);
    await queries.invalidateQueries({ queryKey: ["analysis", card.analysisId] });
    await queries.invalidateQueries({ queryKey: ["analyses"] });
    desk.wish("changed", card.analysisId);
  }

  return (
    <section className="approval" aria-label={words.title}>
      <h3>{words.title}</h3>
      <p>
        {what} {card.destination && fill(words.to, { destination: card.destination })}{" "}
        <span className="badge warn">{words.states[card.state] ?? card.state}</span>
      </p>
      {card.state === "pending" && (
        <>
          <p className="quiet-text">{fill(words.expires, { time: new Date(card.expires).toLocaleString() })}</p>
          <label>
            {words.reason} <input type="text" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
          </label>
          <p className="turn-acts">
            <button type="button" className="primary" disabled={busy} onClick={() => void act(() => decide("approved"))}>
              {words.approve}
            </button>
            <button type="button" disabled={busy} onClick={() => void act(() => decide("denied"))}>
              {words.deny}
            </button>
          </p>
        </>
      )}
      {error !== null && <Problem error={error} />}
    </section>
  );
}
