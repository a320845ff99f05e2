import { memo } from "react";
import { Link } from "wouter";
import { fill } from "../texts";
import { clock, facts, isActive, PRIORITIES, type Priority, raised, type Row, span, title } from "./model";
import { StateCell } from "./StateCell";
import { texts } from "#texts/worklist";

export interface Acts {
  open: (row: Row) => void;
  choose: (row: Row) => void;
  flag: (row: Row) => void;
  order: (row: Row) => void;
  hurry: (row: Row, priority: Priority) => void;
  stop: (row: Row) => void;
}

const SIGNS: Record<Priority, string> = { STAT: "‼", URGENT: "!", ROUTINE: "", RESEARCH: "" };

/** One study. Only the chosen row is a stop of the Tab key; its keys are those of the page. */
export const StudyRow = memo(function StudyRow({
  row,
  chosen,
  elapsed,
  acts,
}: {
  row: Row;
  chosen: boolean;
  /** Seconds since the list was read. */
  elapsed: number;
  acts: Acts;
}) {
  const stop = chosen ? 0 : -1;
  const name = title(row);
  const { text, mood } = clock(row, elapsed);
  const why = raised(row.job);
  const active = isActive(row);
  return (
    <tr
      data-study={row.study_uid}
      aria-selected={chosen}
      tabIndex={stop}
      className={row.unread ? "unread" : undefined}
      onFocus={() => acts.choose(row)}
      onClick={(event) => {
        if (!(event.target as Element).closest("button, select, a, label")) acts.open(row);
      }}
    >
      <td className="marks">
        <span className="dot" aria-hidden="true" />
        {row.unread && <span className="unseen">{texts.unread}</span>}
        <button
          type="button"
          className="flag"
          tabIndex={stop}
          aria-pressed={row.flagged}
          aria-label={fill(texts.flagOf, { study: name })}
          title={row.flagged ? texts.unflag : texts.flag}
          onClick={() => acts.flag(row)}
        >
          <span aria-hidden="true">{row.flagged ? "⚑" : "⚐"}</span>
        </button>
      </td>
      <td>
        <span className={`priority ${row.priority.toLowerCase()}`} title={why || undefined}>
          {SIGNS[row.priority] && <span aria-hidden="true">{SIGNS[row.priority]} </span>}
          {texts.priority[row.priority]}
        </span>
        {why && <span className="unseen">{why}</span>}
      </td>
      <td className="who">
        <span>{row.patient_id || <span className="quiet-text">{texts.unknownPatient}</span>}</span>
        {row.accession && <span className="quiet-text">{row.accession}</span>}
      </td>
      <td className="what">
        <Link href={`/studies/${row.study_uid}`} tabIndex={stop} onClick={() => acts.choose(row)}>
          {name}
        </Link>
        <span className="quiet-text">{[facts(row), row.reader && (row.mine ? texts.mine : fill(texts.reader, { who: row.reader }))].filter(Boolean).join(" · ")}</span>
      </td>
      <td className="why">
        <span className={row.indication ? "clamp" : "quiet-text"} title={row.indication || undefined}>
          {row.indication || texts.noIndication}
        </span>
      </td>
      <td className="clock">
        <span>{span(row.age_s + elapsed)}</span>
        {text && (
          <span className={`due ${mood}`}>
            {text}
          </span>
        )}
      </td>
      <td className="state">
        <StateCell row={row} />
      </td>
      <td className="acts">
        {active && row.job ? (
          <>
            {row.job.priority !== "STAT" && (
              <select
                tabIndex={stop}
                aria-label={texts.hurryOf}
                value=""
                onChange={(event) => acts.hurry(row, event.target.value as Priority)}
              >
                <option value="">{texts.hurry}</option>
                {PRIORITIES.slice(0, PRIORITIES.indexOf(row.job.priority)).map((each) => (
                  <option key={each} value={each}>
                    {texts.priority[each]}
                  </option>
                ))}
              </select>
            )}
            <button type="button" tabIndex={stop} onClick={() => acts.stop(row)}>
              {texts.stop}
            </button>
          </>
        ) : (
          <button type="button" tabIndex={stop} onClick={() => acts.order(row)}>
            {row.job?.state === "failed" ? texts.retry : texts.orderShort}
            <span className="unseen"> {name}</span>
          </button>
        )}
      </td>
    </tr>
  );
});
