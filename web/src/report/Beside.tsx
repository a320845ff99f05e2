import { useQueries, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { analysesQuery, analysisQuery, type StudyView } from "../reading/queries";
import { fill } from "../texts";
import { changesOf } from "./changes";
import { DiffText } from "./DiffText";
import { type Report, reportOf } from "./document";
import { texts } from "#texts/report";
import { when } from "./when";

const MOST_PRIORS = 12;

interface Choice {
  analysisId: string;
  label: string;
}

/** Other reports of the patient: of this study, and of their other studies, newest first. */
function useChoices(study: StudyView, present: string): Choice[] {
  const words = texts.beside;
  const all = useQuery({
    queryKey: ["studies", "priors"],
    queryFn: () => dataOf(client.GET("/api/v1/studies", { params: { query: { limit: 1000 } } })),
    staleTime: 60_000,
    enabled: study.patient_id !== "",
  });
  const others = (all.data?.studies ?? [])
    .filter((one) => one.patient_id === study.patient_id && one.study_uid !== study.study_uid)
    .sort((a, b) => Date.parse(b.started ?? b.created ?? "") - Date.parse(a.started ?? a.created ?? ""))
    .slice(0, MOST_PRIORS);
  const lists = useQueries({ queries: [study, ...others].map((one) => analysesQuery(one.study_uid)) });
  return lists.flatMap((list, k) =>
    (list.data?.analyses ?? [])
      .filter((one) => one.analysis_id !== present)
      .map((one) => {
        const of = k === 0 ? study : others[k - 1];
        const what = k === 0 ? words.same : [of?.modality, of?.body_part].filter(Boolean).join(" ");
        const date = k === 0 ? one.created : (of?.started ?? one.created);
        return { analysisId: one.analysis_id, label: fill(words.label, { date: when(date), what, status: one.status.replace("_", " ") }) };
      }),
  );
}

/** A prior report beside the present one, with the change of what was measured in both. */
export function Beside({ study, report }: { study: StudyView; report: Report }) {
  const words = texts.beside;
  const dialog = useRef<HTMLDialogElement>(null);
  const [shown, setShown] = useState(false);
  return (
    <>
      <button
        type="button"
        onClick={() => {
          setShown(true);
          dialog.current?.showModal();
        }}
      >
        {words.open}
      </button>
      <dialog ref={dialog} className="beside" aria-label={words.title} onClose={() => setShown(false)}>
        {shown && <Columns study={study} report={report} onClose={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function Columns({ study, report, onClose }: { study: StudyView; report: Report; onClose: () => void }) {
  const words = texts.beside;
  const choices = useChoices(study, report.analysisId);
  const [chosen, setChosen] = useState("");
  const [diff, setDiff] = useState(false);
  const id = chosen || (choices[0]?.analysisId ?? "");
  const prior = useQuery(analysisQuery(id));
  const other = prior.data ? reportOf(prior.data.document) : undefined;
  return (
    <>
      <div className="row spread">
        <h2>{words.title}</h2>
        <button type="button" onClick={onClose}>
          {texts.close}
        </button>
      </div>
      {choices.length === 0 ? (
        <p className="quiet-text">{words.none}</p>
      ) : (
        <div className="row">
          <label>
            {words.choose}{" "}
            <select value={id} onChange={(event) => setChosen(event.target.value)}>
              {choices.map((one) => (
                <option key={one.analysisId} value={one.analysisId}>
                  {one.label}
                </option>
              ))}
            </select>
          </label>
          <label className="check">
            <input type="checkbox" checked={diff} onChange={(event) => setDiff(event.target.checked)} /> {words.words}
          </label>
        </div>
      )}
      {prior.error && <Problem error={prior.error} onRetry={() => void prior.refetch()} />}
      {id && prior.isPending && <Waiting />}
      {other && (
        <>
          <div className="columns">
            <Column title={words.prior} report={other} />
            {diff ? (
              <section aria-label={words.now}>
                <h3>{words.now}</h3>
                <DiffText before={whole(other)} after={whole(report)} />
              </section>
            ) : (
              <Column title={words.now} report={report} />
            )}
          </div>
          <Changes now={report} before={other} />
        </>
      )}
    </>
  );
}

const whole = (report: Report) => [report.summary, "", ...report.findings.map((one) => one.text)].join("\n");

function Column({ title, report }: { title: string; report: Report }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <h4>{texts.impression.title}</h4>
      <p className="prose">{report.summary || texts.impression.empty}</p>
      <h4>{texts.findings.title}</h4>
      <ul>
        {report.findings.map((one) => (
          <li key={one.id}>{one.text}</li>
        ))}
      </ul>
      {report.findings.length === 0 && <p className="quiet-text">{texts.findings.none}</p>}
    </section>
  );
}

function Changes({ now, before }: { now: Report; before: Report }) {
  const words = texts.beside;
  const rows = changesOf(now, before);
  if (rows.length === 0) return null;
  return (
    <section aria-label={words.change}>
      <h3>{words.change}</h3>
      <table>
        <thead>
          <tr>
            {[words.measurement, words.before, words.after, words.difference].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td>{row.before}</td>
              <td>{row.now}</td>
              <td>{row.change}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
