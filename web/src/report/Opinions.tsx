import { useState } from "react";
import { client, dataOf, type Schemas } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { fill } from "../texts";
import { type History, useChanged } from "./queries";
import { texts } from "#texts/report";
import { when } from "./when";

type Opinion = History["opinions"][number];
const AGREEMENTS = ["agree", "minor_disagreement", "major_disagreement"] as const;

/** Ask a colleague before signing, or for a peer review; and answer. */
export function Opinions({ analysisId, status, opinions }: { analysisId: string; status: string; opinions: Opinion[] }) {
  const words = texts.opinions;
  const signed = status === "signed" || status === "delivered";
  return (
    <details className="part">
      <summary>
        {words.title} ({opinions.length})
      </summary>
      <p className="quiet-text">{words.note}</p>
      {opinions.length === 0 && <p className="quiet-text">{words.none}</p>}
      <ul className="opinions">
        {opinions.map((opinion) => (
          <OpinionItem key={opinion.opinion_id} opinion={opinion} />
        ))}
      </ul>
      {status !== "rejected" && <AskForm key={String(signed)} analysisId={analysisId} signed={signed} />}
    </details>
  );
}

function AskForm({ analysisId, signed }: { analysisId: string; signed: boolean }) {
  const words = texts.opinions;
  const changed = useChanged(analysisId);
  const [kind, setKind] = useState<Schemas["OpinionKind"]>(signed ? "peer_review" : "second_opinion");
  const [askedOf, setAskedOf] = useState("");
  const [question, setQuestion] = useState("");
  const { busy, error, act } = useAct();
  async function ask() {
    const body = { kind, asked_of: askedOf, question };
    await dataOf(client.POST("/api/v1/analyses/{analysis_id}/opinions", { params: { path: { analysis_id: analysisId } }, body }));
    setQuestion("");
    await changed();
  }
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void act(ask);
      }}
    >
      <label>
        {words.kind}
        <select value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
          {!signed && <option value="second_opinion">{words.kinds.second_opinion}</option>}
          <option value="peer_review">{words.kinds.peer_review}</option>
        </select>
      </label>
      <label>
        {words.of}
        <input maxLength={120} value={askedOf} onChange={(event) => setAskedOf(event.target.value)} />
      </label>
      <label>
        {words.question}
        <input maxLength={2000} value={question} onChange={(event) => setQuestion(event.target.value)} />
      </label>
      <p className="row">
        <button type="submit" disabled={busy}>
          {words.ask}
        </button>
      </p>
      {error !== null && <Problem error={error} />}
    </form>
  );
}

function OpinionItem({ opinion }: { opinion: Opinion }) {
  const words = texts.opinions;
  const about = { kind: words.kinds[opinion.kind], of: opinion.asked_of || words.anybody, by: opinion.asked_by, at: when(opinion.asked) };
  return (
    <li>
      <p>
        {fill(words.asked, about)}{" "}
        <span className={opinion.agreement === null ? "badge" : opinion.agreement === "agree" ? "badge good" : opinion.agreement === "minor_disagreement" ? "badge warn" : "badge bad"}>
          {opinion.agreement === null ? words.waiting : words.agreement[opinion.agreement]}
        </span>
      </p>
      {opinion.question && <p>{opinion.question}</p>}
      {opinion.agreement !== null ? (
        <p className="quiet-text">
          {fill(words.answered, { who: opinion.answered_as || opinion.answered_by, at: when(opinion.answered), comment: opinion.comment })}
        </p>
      ) : (
        <AnswerForm opinion={opinion} />
      )}
    </li>
  );
}

function AnswerForm({ opinion }: { opinion: Opinion }) {
  const words = texts.opinions;
  const changed = useChanged(opinion.analysis_id);
  const [agreement, setAgreement] = useState<Schemas["Agreement"]>("agree");
  const [comment, setComment] = useState("");
  const [as, setAs] = useState("");
  const { busy, error, act } = useAct();
  async function answer() {
    const path = { analysis_id: opinion.analysis_id, opinion_id: opinion.opinion_id };
    const body = { agreement, comment, answered_as: as };
    const sending = dataOf(client.POST("/api/v1/analyses/{analysis_id}/opinions/{opinion_id}", { params: { path }, body }));
    await sending.finally(changed); // refused or not: somebody else may have answered
  }
  return (
    <form
      className="form"
      aria-label={fill(words.answerTo, { question: opinion.question || words.kinds[opinion.kind] })}
      onSubmit={(event) => {
        event.preventDefault();
        void act(answer);
      }}
    >
      <fieldset className="row">
        <legend className="unseen">{words.answer}</legend>
        {AGREEMENTS.map((one) => (
          <label key={one} className="check">
            <input type="radio" name={`agreement-${opinion.opinion_id}`} checked={agreement === one} onChange={() => setAgreement(one)} /> {words.agreement[one]}
          </label>
        ))}
      </fieldset>
      <label>
        {words.as}
        <input maxLength={120} value={as} onChange={(event) => setAs(event.target.value)} />
      </label>
      <label>
        {words.comment}
        <input maxLength={2000} required={agreement !== "agree"} value={comment} onChange={(event) => setComment(event.target.value)} />
      </label>
      <p className="row">
        <button type="submit" disabled={busy}>
          {words.answer}
        </button>
      </p>
      {error !== null && <Problem error={error} />}
    </form>
  );
}
