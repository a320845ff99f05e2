import { lazy, Suspense, useState } from "react";
import { Failing } from "../parts/Failing";
import { useDesk, useDeskValue } from "../reading/desk";
import { fill } from "../texts";
import { ApprovalCardView } from "./ApprovalCardView";
import { texts } from "#texts/chat";
import type { Step, Turn } from "./turn";

// Markdown is only needed once there is an answer.
const Answer = lazy(() => import("./Answer"));

/** A question, the steps that it took, and the answer. */
export function TurnView({ turn, onSettled }: { turn: Turn; onSettled: (approvalId: string, state: string) => void }) {
  const desk = useDesk();
  const shown = useDeskValue("analysisId");
  const [copied, setCopied] = useState(false);
  return (
    <article className="turn" aria-label={turn.question}>
      <p className="question">
        <span className="unseen">{texts.you}: </span>
        {turn.question}
      </p>
      {turn.steps.length > 0 && (
        <ol className="steps" aria-label={texts.steps}>
          {turn.steps.map((step) => (
            <StepView key={step.id} step={step} />
          ))}
        </ol>
      )}
      {turn.note && <p className="note quiet-text">{turn.note}</p>}
      {turn.text && (
        <div className="answer">
          <span className="unseen">{texts.assistant}: </span>
          <Failing fallback={() => <p>{turn.text}</p>}>
            <Suspense fallback={<p>{turn.text}</p>}>
              <Answer text={turn.text} analysisId={turn.analysisId} />
            </Suspense>
          </Failing>
        </div>
      )}
      {turn.approvals.map((card) => (
        <ApprovalCardView key={card.approvalId} card={card} onSettled={onSettled} />
      ))}
      {turn.error && (
        <p className="failure" role="alert">
          {turn.error}
        </p>
      )}
      {!turn.running && turn.text && (
        <p className="turn-acts">
          {turn.needsReview && <span className="badge warn">{texts.review}</span>}
          {turn.analysisId && turn.analysisId !== shown && (
            <button type="button" className="link" onClick={() => desk.set({ analysisId: turn.analysisId, maskId: "" })}>
              {texts.open}
            </button>
          )}
          <button
            type="button"
            className="link"
            onClick={() => {
              desk.wish("copyToReport", turn.text);
              setCopied(true);
            }}
          >
            {texts.copy}
          </button>
          <span role="status">{copied ? texts.copied : ""}</span>
        </p>
      )}
    </article>
  );
}

const MARKS = { running: "…", done: "✓", failed: "✕", stopped: "■" } as const;

function StepView({ step }: { step: Step }) {
  const state = { running: texts.running, done: texts.done, failed: texts.failed, stopped: texts.stopped }[step.state];
  return (
    <li className={step.state}>
      <details>
        <summary>
          <span aria-hidden="true" className="mark">
            {MARKS[step.state]}
          </span>
          <span className="unseen">{state}: </span>
          {step.agent && `${step.agent} · `}
          {step.tool}
          {step.model && <span className="quiet-text"> · {step.model}</span>}
          {step.seconds !== null && <span className="quiet-text"> · {fill(texts.seconds, { n: step.seconds.toFixed(2) })}</span>}
        </summary>
        {step.inputs && <pre aria-label={texts.inputs}>{step.inputs}</pre>}
      </details>
      {step.error && <p className="failure">{step.error}</p>}
    </li>
  );
}
