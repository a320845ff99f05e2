import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { ChatRoom } from "../chat/ChatRoom";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { ReportRoom } from "../report/ReportRoom";
import { ViewerRoom } from "../viewer/ViewerRoom";
import { Desk, DeskContext } from "./desk";
import { analysesQuery, studyQuery } from "./queries";
import { StudyBar } from "./StudyBar";
import { texts } from "#texts/reading";
import "./reading.css";

type Side = "chat" | "report";

/** The images, and beside them the conversation and the report. */
export default function ReadingPage({ studyUid }: { studyUid: string }) {
  const desk = useMemo(() => new Desk(studyUid), [studyUid]);
  const [side, setSide] = useState<Side>("chat");
  const study = useQuery(studyQuery(studyUid));
  const analyses = useQuery(analysesQuery(studyUid));
  const newest = analyses.data?.analyses[0]?.analysis_id ?? "";
  useEffect(() => {
    if (newest && !desk.now().analysisId) desk.set({ analysisId: newest });
  }, [desk, newest]);
  useEffect(() => desk.on("copyToReport", () => setSide("report")), [desk]);
  useEffect(() => desk.on("ask", () => setSide("chat")), [desk]);
  // What was read stays when reading it again fails: brush strokes and open forms live below.
  if (!study.data) return study.error ? <Problem error={study.error} onRetry={() => void study.refetch()} /> : <Waiting />;
  return (
    <DeskContext.Provider value={desk}>
      <div className="reading">
        <StudyBar study={study.data} analyses={analyses.data?.analyses ?? []} />
        <section className="images panel" aria-label={texts.images} data-tour="viewer">
          <ViewerRoom study={study.data} />
        </section>
        <section className="side panel" aria-label={texts.side}>
          <div className="tabs" role="tablist" aria-label={texts.side}>
            {(["chat", "report"] as const).map((name) => (
              <button
                key={name}
                type="button"
                role="tab"
                id={`tab-${name}`}
                aria-selected={side === name}
                aria-controls={`room-${name}`}
                tabIndex={side === name ? 0 : -1}
                onClick={() => setSide(name)}
                onKeyDown={(event) => {
                  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
                  const other = name === "chat" ? "report" : "chat";
                  setSide(other);
                  document.getElementById(`tab-${other}`)?.focus();
                }}
              >
                {texts.tabs[name]}
              </button>
            ))}
          </div>
          {/* Both stay, so that an answer goes on while the report is read. */}
          <div id="room-chat" role="tabpanel" aria-labelledby="tab-chat" hidden={side !== "chat"}>
            <ChatRoom study={study.data} />
          </div>
          <div id="room-report" data-tour="report" role="tabpanel" aria-labelledby="tab-report" hidden={side !== "report"}>
            <ReportRoom study={study.data} />
          </div>
        </section>
      </div>
    </DeskContext.Provider>
  );
}
