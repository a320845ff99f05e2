/** Saving by itself what a reviewer writes: a pause after the last letter, against the version that they read. */

import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError, client } from "../api/client";
import type { ReadAnalysis } from "../reading/queries";
import { reportOf } from "./document";
import { hasBlank, isNothing, lieBeside, NOTHING, type Own, requestOf, rest } from "./own";
import { answered } from "./queries";

export const PAUSE_MS = 1200;
const CHANGED_MEANWHILE = 412;

export type Saving = "saved" | "pending" | "saving" | "failed" | "conflict";

export interface Draft {
  own: Own;
  saving: Saving;
  error: unknown;
  write: (change: { summary: string } | { id: string; sentence: string }) => void;
  /** Version of what the reviewer has before them: what is signed is this and nothing later. */
  version: string;
  /** Save now what waits; one's own that says what the server says is let go. */
  save: () => void;
  /** After a conflict: save over what came meanwhile, or give up one's own. */
  keepMine: () => void;
  takeTheirs: () => void;
}

/** Text that was not saved when its analysis was closed, for when it is opened again. */
const kept = new Map<string, Pick<Now, "own" | "base">>();

interface Now {
  own: Own;
  /** What was read when one began to write: what is saved, is saved over this and nothing later. */
  base: ReadAnalysis;
  read: ReadAnalysis;
  saving: Saving;
  timer: number;
}

/** The draft of one analysis; made anew for another (`key`). */
export function useDraft(read: ReadAnalysis, onSaved: (read: ReadAnalysis) => void, readAgain: () => Promise<ReadAnalysis | undefined>): Draft {
  const id = read.document.analysis_id;
  const now = useRef<Now>({ own: NOTHING, base: read, read, saving: kept.has(id) ? "pending" : "saved", timer: 0, ...kept.get(id) });
  const [shown, setShown] = useState({ own: now.current.own, saving: now.current.saving, error: null as unknown });
  now.current.read = read;
  if (isNothing(now.current.own)) now.current.base = read;
  const outside = useRef({ onSaved, readAgain });
  outside.current = { onSaved, readAgain };

  const acts = useMemo(() => {
    const tell = (change: Partial<Pick<Now, "own" | "saving">>, error: unknown = null) => {
      const state = Object.assign(now.current, change);
      if (isNothing(state.own)) kept.delete(id);
      else kept.set(id, { own: state.own, base: state.base });
      setShown({ own: state.own, saving: state.saving, error });
    };
    const later = () => {
      clearTimeout(now.current.timer);
      now.current.timer = window.setTimeout(() => void save(), PAUSE_MS);
    };
    async function save(again = true, done = false): Promise<void> {
      const state = now.current;
      clearTimeout(state.timer);
      if (state.saving === "saving") return;
      const sent = state.own;
      const body = requestOf(sent, reportOf(state.base.document));
      if (body === null) {
        if (hasBlank(sent)) tell({ saving: "pending" });
        else tell({ own: done ? NOTHING : sent, saving: "saved" });
        return;
      }
      tell({ saving: "saving" });
      try {
        const params = { path: { analysis_id: id }, header: { "if-match": state.base.version } };
        const saved = await answered(client.POST("/api/v1/analyses/{analysis_id}/review", { params, body }));
        state.base = saved;
        const left = rest(state.own, sent, reportOf(saved.document));
        outside.current.onSaved(saved);
        const more = requestOf(left, reportOf(saved.document)) !== null;
        tell({ own: left, saving: more || hasBlank(left) ? "pending" : "saved" });
        if (more) later();
      } catch (refused) {
        if (!(refused instanceof ApiError) || refused.status !== CHANGED_MEANWHILE) {
          tell({ saving: "failed" }, refused);
          return;
        }
        const latest = await outside.current.readAgain().catch(() => undefined);
        tell({ saving: "conflict" }, refused);
        if (!latest || !again || !lieBeside(state.own, reportOf(state.base.document), reportOf(latest.document))) return;
        state.base = latest;
        await save(false);
      }
    }
    return {
      write: (change: { summary: string } | { id: string; sentence: string }) => {
        const state = now.current;
        const own =
          "summary" in change
            ? { ...state.own, summary: change.summary }
            : { ...state.own, sentences: { ...state.own.sentences, [change.id]: change.sentence } };
        // A conflict waits for the reviewer's word; all else is saved when they pause.
        if (state.saving === "conflict" || state.saving === "saving") tell({ own });
        else {
          tell({ own, saving: "pending" });
          later();
        }
      },
      save: () => {
        if (now.current.saving !== "conflict") void save(true, true);
      },
      keepMine: () => {
        now.current.base = now.current.read;
        void save(false);
      },
      takeTheirs: () => {
        now.current.base = now.current.read;
        tell({ own: NOTHING, saving: "saved" });
      },
    };
  }, [id]);

  useEffect(() => {
    if (shown.saving === "saved") return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [shown.saving]);
  const { save } = acts;
  useEffect(() => {
    if (kept.has(id)) save();
    return save; // whoever opens another analysis means to keep what they wrote
  }, [save, id]);

  return { ...shown, ...acts, version: now.current.base.version };
}
