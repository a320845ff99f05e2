import type { Schemas } from "../api/client";
import { useDesk, useDeskValue } from "./desk";
import type { StudyView } from "./queries";
import { texts } from "#texts/reading";

/** Who and what is open, and which analysis of it. */
export function StudyBar({ study, analyses }: { study: StudyView; analyses: Schemas["AnalysisSummary"][] }) {
  const desk = useDesk();
  const analysisId = useDeskValue("analysisId");
  const title = [study.modality, study.body_part, study.description].filter(Boolean).join(" · ");
  const started = study.started ? study.started.slice(0, 10) : texts.unknown;
  return (
    <div className="study-bar">
      <h1>{title || texts.unknown}</h1>
      <p className="quiet-text">
        {texts.patient} {study.patient_id || texts.unknown} · {started}
        {study.accession && ` · ${texts.accession} ${study.accession}`}
      </p>
      {analyses.length === 0 ? (
        <p className="quiet-text">{texts.noAnalysis}</p>
      ) : (
        <label>
          {texts.analysis}{" "}
          <select value={analysisId} onChange={(event) => desk.set({ analysisId: event.target.value })}>
            {analyses.map((row) => (
              <option key={row.analysis_id} value={row.analysis_id}>
                {new Date(row.created).toLocaleString()} · {row.status.replace("_", " ")} · {row.indication.slice(0, 60)}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
