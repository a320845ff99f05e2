import { fill } from "../texts";
import type { History } from "./queries";
import { texts } from "#texts/report";
import { when } from "./when";

interface Line {
  at: string;
  by: string;
  what: string;
  words: string;
}

/** Everything that happened since the draft, newest first; corrections in a row of one person are one line. */
export function HistoryView({ history }: { history: History }) {
  const words = texts.history;
  const lines = linesOf(history);
  return (
    <details className="part">
      <summary>
        {words.title} ({lines.length})
      </summary>
      {lines.length === 0 && <p className="quiet-text">{words.none}</p>}
      <ol className="history">
        {lines.map((line, k) => (
          <li key={k}>
            <strong>{line.what}</strong>{" "}
            <span className="quiet-text">
              {line.by}, {when(line.at)}
            </span>
            {line.words && <p>{line.words}</p>}
          </li>
        ))}
      </ol>
    </details>
  );
}

function linesOf(history: History): Line[] {
  const words = texts.history;
  const lines: Line[] = [];
  let edits = 0;
  history.acts.forEach((act, k) => {
    const next = history.acts[k + 1];
    edits = act.action === "edit" ? edits + 1 : 0;
    if (act.action === "edit" && next?.action === "edit" && next.by === act.by) return;
    const name = words.acts[act.action as keyof typeof words.acts] ?? act.action;
    lines.push({ at: act.at, by: act.by, what: edits > 1 ? fill(words.edits, { count: edits }) : name, words: act.reason });
    edits = 0;
  });
  for (const act of history.communications)
    lines.push({ at: act.at, by: act.by, what: fill(words.told, { rule: act.rule, kind: texts.critical.states[act.kind] }), words: act.comment });
  for (const one of history.opinions)
    lines.push({
      at: one.answered ?? one.asked,
      by: one.answered ? one.answered_as || one.answered_by : one.asked_by,
      what: fill(words.opinion, {
        kind: texts.opinions.kinds[one.kind],
        answer: one.agreement === null ? texts.opinions.waiting : texts.opinions.agreement[one.agreement],
      }),
      words: one.comment || one.question,
    });
  for (const one of history.addenda) lines.push({ at: one.signed_at, by: one.author, what: fill(words.addendum, { number: one.number }), words: one.text });
  for (const one of history.approvals)
    lines.push({
      at: one.decided ?? one.asked,
      by: one.decided_by || one.asked_by,
      what: fill(words.approval, { effect: words.approvals[one.effect], decision: one.decision }),
      words: one.reason,
    });
  for (const one of history.feedback)
    lines.push({ at: one.at, by: one.given_by, what: fill(words.feedback, { target: one.target || words.sentence, kind: one.kind.replaceAll("_", " ") }), words: "" });
  return lines.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
