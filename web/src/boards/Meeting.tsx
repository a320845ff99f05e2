import { useEffect } from "react";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { fill } from "../texts";
import { Case } from "./Case";
import { MessageItem } from "./MessageItem";
import type { BoardView } from "./queries";
import { Saying } from "./Saying";
import { SharedView } from "./SharedView";
import { texts } from "#texts/boards";
import { useSession } from "./useSession";

/** A board while it meets: what is said, what the record says, what is looked at. */
export function Meeting({ board }: { board: BoardView }) {
  const { session, live, error } = useSession(board);
  const { busy, error: refused, act } = useAct();
  const path = { board_id: board.board_id };
  const closed = session.state === "closed";

  useEffect(() => {
    if (!closed) client.POST("/api/v1/boards/{board_id}/join", { params: { path: { board_id: board.board_id } } }).catch(() => undefined);
  }, [board.board_id, closed]);

  return (
    <div className="meeting">
      <header>
        <h1>{board.title}</h1>
        <p>{board.question}</p>
        <p className="meeting-facts">
          <span className={`badge ${session.state === "running" ? "warn" : ""}`}>{texts.states[session.state] ?? session.state}</span>
          <span className="quiet-text">
            {texts.present}: {session.members.join(", ")}
          </span>
          <span role="status" className={live || closed ? "quiet-text" : "failure"}>
            {closed ? "" : live ? texts.live : texts.broken}
          </span>
          <span className="quiet-text">
            {texts.minutes}:{" "}
            <a href={`/api/v1/boards/${board.board_id}/minutes?format=docx`} download>
              {texts.word}
            </a>
            {" · "}
            <a href={`/api/v1/boards/${board.board_id}/minutes?format=md`} download>
              {texts.markdown}
            </a>
          </span>
        </p>
        {!closed && (
          <p className="meeting-acts">
            {session.state === "running" ? (
              <button type="button" className="danger" disabled={busy} onClick={() => void act(() => dataOf(client.POST("/api/v1/boards/{board_id}/stop", { params: { path } })))}>
                {texts.stop}
              </button>
            ) : (
              <button type="button" className="primary" disabled={busy} onClick={() => void act(() => dataOf(client.POST("/api/v1/boards/{board_id}/run", { params: { path } })))}>
                {texts.run}
              </button>
            )}
            <button
              type="button"
              onClick={() => {
                if (window.confirm(texts.closeSure)) void act(() => dataOf(client.POST("/api/v1/boards/{board_id}/close", { params: { path } })));
              }}
            >
              {texts.close}
            </button>
          </p>
        )}
        {refused !== null && <Problem error={refused} />}
        {error !== null && <Problem error={error} />}
      </header>
      <section className="panel talk" aria-labelledby="said">
        <h2 id="said">{texts.messages}</h2>
        <div className="said" role="log" aria-live="polite" aria-labelledby="said" tabIndex={0}>
          {session.messages.length === 0 && <p className="quiet-text">{texts.noMessages}</p>}
          {session.messages.map((message) => (
            <MessageItem key={message.message_id} message={message} />
          ))}
          {session.steps.length > 0 && (
            <ul className="working" aria-label={texts.steps}>
              {session.steps.map((step) => (
                <li key={step.id}>
                  {step.agent} · {step.tool}…
                </li>
              ))}
            </ul>
          )}
          {session.failure && <p className="failure">{fill(texts.failed, { what: session.failure })}</p>}
        </div>
        {!closed && <Saying boardId={board.board_id} />}
      </section>
      <SharedView boardId={board.board_id} studyUids={board.study_uids} view={session.view} closed={closed} />
      <Case board={board} />
    </div>
  );
}
