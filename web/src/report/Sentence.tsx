import { useState } from "react";
import { fill } from "../texts";
import { DiffText } from "./DiffText";
import type { Finding, Report } from "./document";
import type { Draft } from "./draft";
import { Evidence } from "./Evidence";
import { NumberText } from "./NumberText";
import { texts } from "#texts/report";

/** One finding: read with its sources, corrected in its place. */
export function Sentence({ finding, report, draft, editable }: { finding: Finding; report: Report; draft: Draft; editable: boolean }) {
  const words = texts.findings;
  const [editing, setEditing] = useState(false);
  const own = draft.own.sentences[finding.id];
  const text = own ?? finding.text;
  const drafted = finding.drafted || finding.text;
  return (
    <li id={`finding-${finding.id}`} className="sentence" tabIndex={-1}>
      {editing && editable ? (
        <>
          <textarea
            aria-label={fill(words.sentence, { id: finding.id })}
            value={text}
            maxLength={2000}
            rows={Math.max(2, Math.ceil(text.length / 44))}
            onChange={(event) => draft.write({ id: finding.id, sentence: event.target.value })}
            onBlur={draft.save}
          />
          {own !== undefined && own.trim() === "" && <p role="alert">{words.emptySentence}</p>}
        </>
      ) : (
        <p>
          <NumberText text={text} report={report} />
        </p>
      )}
      <p className="sentence-foot">
        <span className={`badge ${finding.qa === "pass" ? "good" : finding.qa === "reject" ? "bad" : "warn"}`}>{texts.qa[finding.qa]}</span>
        {finding.confidence !== null && <span className="quiet-text">{fill(texts.confidence, { value: finding.confidence.toFixed(2) })}</span>}
        {finding.editedBy && <span className="badge">{fill(words.corrected, { by: finding.editedBy })}</span>}
        {editable && (
          <button type="button" className="quiet" aria-label={editing ? words.done : fill(words.edit, { id: finding.id })} aria-pressed={editing} onClick={() => setEditing(!editing)}>
            {editing ? words.done : texts.impression.edit}
          </button>
        )}
      </p>
      {text.trim() !== drafted && <DiffText before={drafted} after={text} />}
      <Evidence finding={finding} report={report} />
    </li>
  );
}
