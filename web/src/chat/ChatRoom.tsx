import { useEffect, useRef } from "react";
import { Problem } from "../parts/Problem";
import { useDesk } from "../reading/desk";
import type { StudyView } from "../reading/queries";
import { Asking } from "./Asking";
import { useConversation } from "./conversation";
import { SUGGESTIONS, texts } from "#texts/chat";
import { TurnView } from "./TurnView";
import { fill } from "../texts";
import "./chat.css";

/** The conversation about the patient of the open study. */
export function ChatRoom({ study }: { study: StudyView }) {
  const desk = useDesk();
  const talk = useConversation(study.study_uid);
  const end = useRef<HTMLDivElement>(null);
  const last = talk.turns.at(-1);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, [last?.text, last?.steps.length, talk.turns.length]);
  const modality = study.modality.split("\\")[0] ?? "";
  const samples = SUGGESTIONS[modality] ?? SUGGESTIONS.OTHER ?? [];
  return (
    <div className="chat">
      <div className="chat-head">
        <button type="button" className="quiet" onClick={talk.fresh} disabled={talk.turns.length === 0}>
          {texts.fresh}
        </button>
        {talk.earlier.some((one) => one.conversation_id !== talk.id && one.turns > 0) && (
          <label>
            <span className="unseen">{texts.earlier}</span>
            <select value={talk.id} onChange={(event) => talk.open(event.target.value)}>
              {!talk.earlier.some((one) => one.conversation_id === talk.id) && <option value={talk.id}>{texts.fresh}</option>}
              {talk.earlier
                .filter((one) => one.turns > 0 || one.conversation_id === talk.id)
                .map((one) => (
                  <option key={one.conversation_id} value={one.conversation_id}>
                    {new Date(one.created).toLocaleDateString()} · {one.first_question.slice(0, 48) || texts.untitled}
                    {" · "}
                    {fill(texts.turns, { n: one.turns })}
                  </option>
                ))}
            </select>
          </label>
        )}
      </div>
      <div className="log" role="log" aria-live="polite" aria-label={texts.log} aria-busy={talk.busy} tabIndex={0}>
        {Boolean(talk.error) && <Problem error={talk.error} />}
        {talk.turns.length === 0 && (
          <div className="hint">
            <p>{texts.hint}</p>
            <div className="samples" role="group" aria-label={texts.samples}>
              {samples.map((sample) => (
                <button key={sample} type="button" onClick={() => desk.wish("ask", sample)}>
                  {sample}
                </button>
              ))}
            </div>
          </div>
        )}
        {talk.turns.map((turn) => (
          <TurnView key={turn.id} turn={turn} onSettled={talk.settle} />
        ))}
        <div ref={end} />
      </div>
      <Asking waits={talk.opening} busy={talk.busy} onAsk={talk.ask} onStop={talk.stop} />
    </div>
  );
}
