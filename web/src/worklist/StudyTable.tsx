import { useEffect, useState } from "react";
import type { Row } from "./model";
import { type Acts, StudyRow } from "./StudyRow";
import { texts } from "#texts/worklist";

/** Between two looks at the clock. */
const TICK_MS = 10_000;

/** Seconds since a time of this machine, as they pass. */
function useElapsed(since: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, []);
  return Math.max(0, Math.round((now - since) / 1000));
}

export function StudyTable({
  rows,
  chosen,
  readAt,
  acts,
}: {
  rows: readonly Row[];
  chosen: string;
  readAt: number;
  acts: Acts;
}) {
  const elapsed = useElapsed(readAt);
  const { columns } = texts;
  return (
    <table className="studies" role="grid" aria-label={texts.table} aria-rowcount={rows.length + 1}>
      <thead>
        <tr>
          <th scope="col">
            <span className="unseen">{columns.marks}</span>
          </th>
          <th scope="col">{columns.priority}</th>
          <th scope="col">{columns.patient}</th>
          <th scope="col">{columns.study}</th>
          <th scope="col">{columns.indication}</th>
          <th scope="col">{columns.clock}</th>
          <th scope="col">{columns.state}</th>
          <th scope="col">
            <span className="unseen">{columns.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <StudyRow key={row.study_uid} row={row} chosen={row.study_uid === chosen} elapsed={elapsed} acts={acts} />
        ))}
      </tbody>
    </table>
  );
}
