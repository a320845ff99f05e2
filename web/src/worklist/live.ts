/** Keeps the list as the server has it: changes are heard, and read a moment later, however many come at once. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { follow } from "../api/events";

/** Between two readings of the list. */
const PAUSE_MS = 1500;

export type Connection = "unknown" | "connected" | "lost";

export function useLiveWorklist(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>("unknown");
  useEffect(() => {
    let ending: AbortController;
    let timer: number | undefined;
    let readAt = 0;
    let stale = false;
    const read = () => {
      timer = undefined;
      if (document.hidden) return; // nobody looks: it is read when somebody does
      stale = false;
      readAt = Date.now();
      void queries.invalidateQueries({ queryKey: ["worklist"] });
    };
    const changed = () => {
      stale = true;
      timer ??= window.setTimeout(read, Math.max(0, readAt + PAUSE_MS - Date.now()));
    };
    const seen = () => {
      if (!document.hidden && stale) changed();
    };
    let lost = false;
    const state = (connected: boolean) => {
      setConnection(connected ? "connected" : "lost");
      if (connected && lost) changed();
      lost = !connected;
    };
    const start = () => {
      ending = new AbortController();
      const { signal } = ending;
      follow("/api/v1/worklist/events", {
        signal,
        onState: state,
        onEvent: ({ event, data }) => {
          const named = (data as { study_uids?: string[] }).study_uids ?? [];
          if (event === "many" || named.length > 0) changed();
        },
      }).catch(() => signal.aborted || setConnection("lost"));
    };
    // A machine that leaves its network does not tell its open connections.
    const offline = () => state(false);
    const online = () => {
      ending.abort();
      start();
    };
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("offline", offline);
    window.addEventListener("online", online);
    start();
    return () => {
      ending.abort();
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("offline", offline);
      window.removeEventListener("online", online);
    };
  }, [queries]);
  return connection;
}
