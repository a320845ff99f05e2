import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { useDesk, useDeskValue } from "../reading/desk";
import { analysisQuery, type ReadAnalysis, type StudyView } from "../reading/queries";
import { Acts } from "./Acts";
import { Addenda } from "./Addenda";
import { eyeItems } from "./attention";
import { Beside } from "./Beside";
import { Critical } from "./Critical";
import { Delivery, PdfLink } from "./Delivery";
import { reportOf } from "./document";
import { useDraft } from "./draft";
import { EyeList } from "./EyeList";
import { HistoryView } from "./HistoryView";
import { Impression } from "./Impression";
import { Opinions } from "./Opinions";
import { EDITABLE } from "./own";
import { historyQuery, useChanged } from "./queries";
import "./report.css";
import { SaveState } from "./SaveState";
import { Structures } from "./Structures";
import { texts } from "#texts/report";
import { Timeline } from "./Timeline";

/** The report of the open analysis, from the draft to what was delivered. */
export function ReportRoom({ study }: { study: StudyView }) {
  const desk = useDesk();
  const analysisId = useDeskValue("analysisId");
  const analysis = useQuery(analysisQuery(analysisId));
  const queries = useQueryClient();
  const [homeless, setHomeless] = useState(false);
  useEffect(
    () =>
      desk.on("changed", (changed) => {
        void queries.invalidateQueries({ queryKey: historyQuery(changed).queryKey });
        void queries.invalidateQueries({ queryKey: ["analysis-delivery", changed] });
      }),
    [desk, queries],
  );
  useEffect(() => {
    if (analysis.data) return;
    return desk.on("copyToReport", (text) => {
      desk.held = desk.held ? `${desk.held}\n${text}` : text;
      setHomeless(true);
    });
  }, [desk, analysis.data]);

  if (analysis.error && !analysis.data) return <Problem error={analysis.error} onRetry={() => void analysis.refetch()} />;
  if (analysisId && !analysis.data) return <Waiting />;
  if (!analysis.data)
    return (
      <div className="empty-state">
        <h2>{texts.none}</h2>
        <p>{texts.noneHelp}</p>
        {homeless && <p role="alert">{texts.impression.notCopied}</p>}
      </div>
    );
  return <OpenReport key={analysisId} study={study} read={analysis.data} />;
}

function OpenReport({ study, read }: { study: StudyView; read: ReadAnalysis }) {
  const desk = useDesk();
  const queries = useQueryClient();
  const id = read.document.analysis_id;
  const history = useQuery(historyQuery(id));
  const changed = useChanged(id);
  const readAgain = useCallback(() => queries.fetchQuery({ ...analysisQuery(id), staleTime: 0 }), [queries, id]);
  const draft = useDraft(read, changed, readAgain);
  const [addendum, setAddendum] = useState("");
  const [copied, setCopied] = useState("");
  const report = reportOf(read.document);
  const editable = EDITABLE.includes(report.status);
  const items = eyeItems(report, history.data);

  const latest = useRef({ draft, report, editable });
  latest.current = { draft, report, editable };
  useEffect(() => {
    const take = (text: string) => {
      const now = latest.current;
      const added = (before: string) => (before.trim() ? `${before.trimEnd()}\n${text}` : text);
      if (now.editable) {
        now.draft.write({ summary: added(now.draft.own.summary ?? now.report.summary) });
        setCopied(texts.impression.copied);
      } else if (now.report.status === "rejected") setCopied(texts.impression.notCopied);
      else {
        setAddendum(added);
        setCopied(texts.impression.copiedAddendum);
      }
    };
    if (desk.held) take(desk.held);
    desk.held = "";
    return desk.on("copyToReport", take);
  }, [desk]);

  return (
    <div className="report">
      <h2 className="unseen">{texts.room}</h2>
      <Timeline status={report.status} history={history.data} />
      <p className="row">
        <Beside study={study} report={report} />
        <PdfLink analysisId={id} status={report.status} />
      </p>
      {history.error && <Problem error={history.error} onRetry={() => void history.refetch()} />}
      <Critical read={read} report={report} history={history.data} />
      <EyeList items={items} />
      {copied && (
        <p className="copied" role="status">
          {copied}
        </p>
      )}
      <Impression report={report} draft={draft} editable={editable} />
      <Structures report={report} draft={draft} editable={editable} />
      <Addenda read={read} addenda={history.data?.addenda ?? []} text={addendum} onText={setAddendum} />
      <Opinions analysisId={id} status={report.status} opinions={history.data?.opinions ?? []} />
      <Delivery analysisId={id} approvals={history.data?.approvals ?? []} />
      {history.data && <HistoryView history={history.data} />}
      {editable && (
        <footer className="report-foot">
          <SaveState report={report} draft={draft} />
          <Acts read={read} draft={draft} open={items.length} />
        </footer>
      )}
    </div>
  );
}
