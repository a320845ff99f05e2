/** The conversation about a patient: what was said before, and a turn at a time that survives a broken connection. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, client, dataOf, request } from "../api/client";
import { sent } from "../api/events";
import { useDesk } from "../reading/desk";
import { texts } from "#texts/chat";
import { after, asked, ended, type Turn } from "./turn";
import { read } from "./values";

const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
const MOST_TRIES = 40;

const conversations = (studyUid: string) =>
  dataOf(client.GET("/api/v1/chat", { params: { query: { study_uid: studyUid } } }));

const conversation = (id: string, studyUid: string) =>
  dataOf(
    client.GET("/api/v1/chat/{conversation_id}", {
      params: { path: { conversation_id: id }, query: { study_uid: studyUid } },
    }),
  );

export interface Talk {
  id: string;
  turns: Turn[];
  /** An earlier conversation is being read: nothing is asked into it before. */
  opening: boolean;
  busy: boolean;
  earlier: Awaited<ReturnType<typeof conversations>>["conversations"];
  error: unknown;
  ask: (question: string) => void;
  stop: () => void;
  fresh: () => void;
  open: (id: string) => void;
  settle: (approvalId: string, state: string) => void;
}

export function useConversation(studyUid: string): Talk {
  const desk = useDesk();
  const queries = useQueryClient();
  const [id, setId] = useState(() => crypto.randomUUID() as string);
  // Once the reader has begun, the list of earlier conversations changes nothing by itself.
  const begun = useRef(false);
  const [turns, setTurns] = useState<Turn[]>([]);
  const running = useRef<AbortController | null>(null);
  const reading = useRef(0);
  const [opening, setOpening] = useState(false);
  const [lost, setLost] = useState<unknown>(null);
  const list = useQuery({ queryKey: ["conversations", studyUid], queryFn: () => conversations(studyUid) });

  const open = useCallback(
    (wanted: string) => {
      begun.current = true;
      running.current?.abort();
      setId(wanted);
      setTurns([]);
      setOpening(true);
      setLost(null);
      const mine = (reading.current += 1);
      const latest = () => mine === reading.current;
      conversation(wanted, studyUid)
        .then(
          (found) => latest() && setTurns(found.turns.map((turn, at) => said(`${wanted}-${at}`, turn))),
          (error: unknown) => latest() && setLost(error),
        )
        .finally(() => latest() && setOpening(false));
    },
    [studyUid],
  );
  const fresh = useCallback(() => {
    begun.current = true;
    running.current?.abort();
    reading.current += 1;
    setId(crypto.randomUUID());
    setTurns([]);
    setOpening(false);
    setLost(null);
  }, []);
  useEffect(() => {
    const newest = list.data?.conversations.find((one) => one.turns > 0);
    if (newest && !begun.current) open(newest.conversation_id);
  }, [list.data, open]);
  useEffect(() => () => running.current?.abort(), []);

  const change = (turnId: string, what: (turn: Turn) => Turn) =>
    setTurns((all) => all.map((turn) => (turn.id === turnId ? what(turn) : turn)));

  const ask = useCallback(
    (question: string) => {
      begun.current = true;
      const turn = asked(crypto.randomUUID(), question);
      const mine = new AbortController();
      const before = turns.filter((one) => !one.error).length;
      running.current = mine;
      setTurns((all) => [...all, turn]);
      void (async () => {
        try {
          const analysis = await carried(turn, { id, studyUid, before, signal: mine.signal }, (what) => change(turn.id, what));
          if (analysis) {
            await queries.invalidateQueries({ queryKey: ["analyses", studyUid] });
            desk.set({ analysisId: analysis, maskId: "" });
          }
          await queries.invalidateQueries({ queryKey: ["conversations", studyUid] });
        } catch (error) {
          const told = mine.signal.aborted ? texts.stopped : explained(error);
          change(turn.id, (now) => ended(now, told));
        } finally {
          if (running.current === mine) running.current = null;
          change(turn.id, (now) => (now.running ? { ...now, running: false } : now));
        }
      })();
    },
    [desk, id, queries, studyUid, turns],
  );

  return {
    id,
    turns,
    opening,
    busy: turns.at(-1)?.running ?? false,
    earlier: list.data?.conversations ?? [],
    error: list.error ?? lost,
    ask,
    stop: () => running.current?.abort(),
    fresh,
    open,
    settle: (approvalId, state) =>
      setTurns((all) =>
        all.map((turn) => ({
          ...turn,
          approvals: turn.approvals.map((card) => (card.approvalId === approvalId ? { ...card, state } : card)),
        })),
      ),
  };
}

interface Asked {
  id: string;
  studyUid: string;
  /** Turns that were answered before this one. */
  before: number;
  signal: AbortSignal;
}

/**
 * Carry a turn to its end; the id of the analysis that it ran.
 *
 * Where the connection breaks, what the server kept of the turn is shown; where it kept nothing, the question is asked
 * again: nothing of an unanswered question has effects, since effects wait for an approval.
 */
async function carried(turn: Turn, asking: Asked, change: (what: (turn: Turn) => Turn) => void): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await streamed(turn, asking, change);
    } catch (error) {
      const gone = !(error instanceof ApiError) || error.status === 0 || error.status >= 502;
      if (asking.signal.aborted || !gone || tries >= MOST_TRIES) throw error;
      change((now) => ({ ...now, note: texts.reconnecting }));
      const kept = await answered(turn, asking);
      if (kept) {
        change(() => kept);
        return kept.analysisId;
      }
      change(() => ({ ...asked(turn.id, turn.question), note: texts.again }));
    }
  }
}

async function streamed(turn: Turn, asking: Asked, change: (what: (turn: Turn) => Turn) => void): Promise<string> {
  const answer = await request("/api/v1/chat", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(runInput(turn.question, asking)),
    signal: asking.signal,
  });
  let analysis = "";
  let whole = false;
  if (answer.body) {
    for await (const { data } of sent(answer.body)) {
      const event = read.record(data);
      change((now) => after(now, event, texts));
      if (event.type === "CUSTOM" && event.name === "analysis") analysis = read.text(read.record(event.value).analysis_id);
      if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") whole = true;
    }
  }
  if (!whole) throw new ApiError(0, texts.reconnecting);
  return analysis;
}

/** What the server kept of a turn, once it answers again; null where it kept nothing. */
async function answered(turn: Turn, asking: Asked): Promise<Turn | null> {
  for (let tries = 0; ; tries += 1) {
    await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 8000, asking.signal);
    try {
      const found = await conversation(asking.id, asking.studyUid);
      const last = found.turns.at(-1);
      return last && found.turns.length > asking.before && last.question === turn.question ? said(turn.id, last) : null;
    } catch (error) {
      if (asking.signal.aborted || tries >= MOST_TRIES || (error instanceof ApiError && error.status >= 400 && error.status < 500)) {
        throw error;
      }
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });
}

function said(turnId: string, turn: { question: string; answer: string; analysis_id: string }): Turn {
  return { ...asked(turnId, turn.question), text: turn.answer, analysisId: turn.analysis_id, running: false };
}

function runInput(question: string, { id, studyUid }: Asked) {
  return {
    threadId: id,
    runId: crypto.randomUUID(),
    state: {},
    messages: [{ id: crypto.randomUUID(), role: "user", content: question }],
    tools: [],
    context: [],
    forwardedProps: { study_uid: studyUid, conversation_id: id },
  };
}

function explained(error: unknown): string {
  if (error instanceof ApiError) return [error.message, error.remedy].filter(Boolean).join(" ");
  return error instanceof Error ? error.message : String(error);
}
