import { useState } from "react";
import { DiffText } from "./DiffText";
import type { Report } from "./document";
import type { Draft } from "./draft";
import { NumberText } from "./NumberText";
import { texts } from "#texts/report";

/** The free text of the report: read with its sources and with what of it a person wrote, written in its place. */
export function Impression({ report, draft, editable }: { report: Report; draft: Draft; editable: boolean }) {
  const words = texts.impression;
  const [editing, setEditing] = useState(false);
  const [diffShown, setDiffShown] = useState(false);
  const text = draft.own.summary ?? report.summary;
  const drafted = new Set(report.draftedSummary.split("\n").map((line) => line.trim()));
  const lines = text.split("\n").filter((line) => line.trim());
  const changed = text.trim() !== report.draftedSummary.trim();
  return (
    <section aria-label={words.title}>
      <h3>
        {words.title}
        {editable && (
          <button
            type="button"
            className="quiet"
            aria-pressed={editing}
            onClick={() => {
              if (editing) draft.save();
              setEditing(!editing);
            }}
          >
            {editing ? words.done : words.edit}
          </button>
        )}
      </h3>
      {editing && editable ? (
        <textarea
          className="impression"
          aria-label={words.label}
          value={text}
          maxLength={20_000}
          rows={Math.min(16, Math.max(4, text.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 48), 1)))}
          placeholder={words.empty}
          onChange={(event) => draft.write({ summary: event.target.value })}
          onBlur={draft.save}
        />
      ) : lines.length === 0 ? (
        <p className="quiet-text">{words.empty}</p>
      ) : (
        <ul className="impression-lines" aria-label={words.jumps}>
          {lines.map((line, k) => {
            const human = !drafted.has(line.trim());
            return (
              <li key={k} className={human ? "human" : ""}>
                <NumberText text={line} report={report} />
                {human && (
                  <>
                    {" "}
                    <span className="badge warn" title={words.humanHelp}>
                      {words.human}
                    </span>
                  </>
                )}
              </li>
            );
          })}
        </ul>
      )}
      <button type="button" className="quiet" aria-expanded={diffShown} onClick={() => setDiffShown(!diffShown)}>
        {words.diff}
      </button>
      {diffShown && (changed ? <DiffText before={report.draftedSummary} after={text} /> : <p className="quiet-text">{words.noDiff}</p>)}
    </section>
  );
}
