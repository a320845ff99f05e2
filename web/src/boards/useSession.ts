import { useEffect, useState } from "react";
import { follow } from "../api/events";
import type { BoardView } from "./queries";
import { after, type Session } from "./session";

/** The live session of a board: from what was read, event by event, across broken connections. */
export function useSession(board: BoardView): { session: Session; live: boolean; error: unknown } {
  const [session, setSession] = useState<Session>(() => ({
    messages: board.messages,
    state: board.state,
    members: board.members,
    view: null,
    steps: [],
    failure: "",
  }));
  const [live, setLive] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { board_id: boardId } = board;
  useEffect(() => {
    const ending = new AbortController();
    follow(`/api/v1/boards/${encodeURIComponent(boardId)}/events`, {
      signal: ending.signal,
      onState: setLive,
      onEvent: (event) => setSession((now) => after(now, event)),
      isLast: ({ event, data }) => event === "state" && (data as { state?: string } | null)?.state === "closed",
    }).catch(setError);
    return () => ending.abort();
  }, [boardId]);
  return { session, live, error };
}
