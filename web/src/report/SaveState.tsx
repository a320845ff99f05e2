import { Problem } from "../parts/Problem";
import { DiffText } from "./DiffText";
import type { Report } from "./document";
import type { Draft } from "./draft";
import { texts } from "#texts/report";

/** Whether what was written is saved; after a conflict both texts, and the choice between them. */
export function SaveState({ report, draft }: { report: Report; draft: Draft }) {
  const words = texts.saving;
  if (draft.saving === "conflict") return <ConflictView report={report} draft={draft} />;
  return (
    <>
      <p className="save-state quiet-text" role="status">
        {words[draft.saving]}
      </p>
      {draft.saving === "failed" && draft.error !== null && <Problem error={draft.error} onRetry={draft.save} />}
    </>
  );
}

function ConflictView({ report, draft }: { report: Report; draft: Draft }) {
  const words = texts.saving;
  const pairs = [
    ...(draft.own.summary === undefined ? [] : [{ name: words.impression, theirs: report.summary, mine: draft.own.summary }]),
    ...report.findings.flatMap((finding) => {
      const mine = draft.own.sentences[finding.id];
      return mine === undefined ? [] : [{ name: finding.id, theirs: finding.text, mine }];
    }),
  ];
  return (
    <section className="conflict" aria-label={words.conflict}>
      <p role="alert">
        <strong>{words.conflict}</strong>
      </p>
      {pairs.map((pair) => (
        <div key={pair.name}>
          <p className="quiet-text">
            {pair.name}: <del>{words.theirs}</del> <ins>{words.mine}</ins>
          </p>
          <DiffText before={pair.theirs} after={pair.mine} />
        </div>
      ))}
      <p className="row">
        <button type="button" className="primary" onClick={draft.keepMine}>
          {words.keep}
        </button>
        <button type="button" onClick={draft.takeTheirs}>
          {words.take}
        </button>
      </p>
    </section>
  );
}
