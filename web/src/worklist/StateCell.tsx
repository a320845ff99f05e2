import { fill } from "../texts";
import { isActive, remaining, type Row } from "./model";
import { texts } from "#texts/worklist";

const MOODS: Record<string, string> = { signed: "good", delivered: "good", partial: "warn", rejected: "" };

/** What goes on with a study: its job while one runs, else its analysis; and what a person must know of it. */
export function StateCell({ row }: { row: Row }) {
  const { job, analysis } = row;
  return (
    <>
      {job && isActive(row) ? <Work job={job} /> : <Rest row={row} />}
      {analysis && analysis.critical > 0 && (
        <span className="badge alarm">
          <span aria-hidden="true">▲ </span>
          {analysis.critical === 1 ? texts.critical : fill(texts.criticals, { n: analysis.critical })}
        </span>
      )}
    </>
  );
}

function Work({ job }: { job: NonNullable<Row["job"]> }) {
  const percent = Math.round(100 * job.progress);
  const time = remaining(job);
  return (
    <span className="work">
      <span>
        {job.state === "running" ? (
          <>
            <span className="unseen">{texts.job.running}</span> {percent} %
          </>
        ) : (
          texts.job[job.state]
        )}
        {time && <span className="quiet-text"> · {time}</span>}
      </span>
      {job.state === "running" && (
        <progress value={job.progress} max={1} aria-label={texts.job.running} aria-valuetext={`${percent} %`} />
      )}
      {job.state === "waiting" && job.waiting_for && (
        <span className="quiet-text one-line" title={job.waiting_for}>
          {job.waiting_for}
        </span>
      )}
    </span>
  );
}

function Rest({ row: { job, analysis } }: { row: Row }) {
  const failed = job?.state === "failed" && (!analysis || analysis.created < job.created);
  if (failed) {
    const said = [job.error, job.remedy].filter(Boolean).join(" ");
    return (
      <span className="work">
        <span>
          <span className="badge bad">
            <span aria-hidden="true">✕ </span>
            {texts.job.failed}
          </span>
        </span>
        <span className="quiet-text one-line" title={said}>
          {said}
        </span>
      </span>
    );
  }
  if (!analysis) return <span className="quiet-text">{job?.state === "cancelled" ? texts.job.cancelled : texts.arrived}</span>;
  const name = analysis.status as keyof typeof texts.status;
  const open = analysis.status === "draft" || analysis.status === "in_review" || analysis.status === "partial";
  return (
    <span className="badges">
      <span className={`badge ${MOODS[analysis.status] ?? "plain"}`}>{texts.status[name] ?? analysis.status}</span>
      {open && analysis.needs_review && <span className="badge warn">{texts.doubtful}</span>}
    </span>
  );
}
