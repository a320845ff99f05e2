import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { boardsQuery, studiesQuery } from "./queries";
import { texts } from "#texts/boards";

/** Open a board about the patient of a study, with all of their studies that are here. */
export function OpenBoard() {
  const words = texts.open;
  const studies = useQuery(studiesQuery);
  const queries = useQueryClient();
  const [, go] = useLocation();
  const [study, setStudy] = useState("");
  const [title, setTitle] = useState("");
  const [question, setQuestion] = useState("");
  const { busy, error, act } = useAct();
  const all = studies.data?.studies ?? [];
  const chosen = all.find((one) => one.study_uid === study) ?? all[0];

  async function open() {
    if (!chosen) return;
    // Without a patient id nothing says that two studies are one person's.
    const theirs = chosen.patient_id ? all.filter((one) => one.patient_id === chosen.patient_id) : [chosen];
    const uids = [chosen.study_uid, ...theirs.map((one) => one.study_uid).filter((uid) => uid !== chosen.study_uid)];
    const body = { study_uids: uids.slice(0, 50), title, question };
    const board = await dataOf(client.POST("/api/v1/boards", { body }));
    await queries.invalidateQueries({ queryKey: boardsQuery.queryKey });
    go(`/boards/${board.board_id}`);
  }

  return (
    <form
      className="panel open-board"
      onSubmit={(event) => {
        event.preventDefault();
        void act(open);
      }}
    >
      <h2>{words.title}</h2>
      {studies.data && all.length === 0 && <p className="quiet-text">{words.noStudy}</p>}
      <label>
        {words.study}
        <select value={chosen?.study_uid ?? ""} onChange={(event) => setStudy(event.target.value)}>
          {all.map((one) => (
            <option key={one.study_uid} value={one.study_uid}>
              {[one.patient_id, one.modality, one.body_part, one.description].filter(Boolean).join(" · ")}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.name}
        <input type="text" required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} />
      </label>
      <label>
        {words.question}
        <textarea rows={2} maxLength={4000} value={question} onChange={(event) => setQuestion(event.target.value)} />
      </label>
      <p>
        <button type="submit" className="primary" disabled={busy || !chosen || !title.trim()}>
          {words.act}
        </button>
      </p>
      {error !== null && <Problem error={error} />}
    </form>
  );
}
