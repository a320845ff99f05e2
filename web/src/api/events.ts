/** Server-sent events: of a stream that was asked for with POST, and of one that is followed across broken connections. */

import { request } from "./client";

export interface Sent {
  id: string;
  event: string;
  data: unknown;
}

/** Events of a body, each as soon as its empty line arrives (WHATWG HTML, server-sent events). */
export async function* sent(body: ReadableStream<Uint8Array>): AsyncGenerator<Sent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parse(block: string): Sent | null {
  let id = "";
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue; // a comment keeps the connection alive
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    else if (name === "id") id = value;
    else if (name === "event") event = value;
  }
  if (data.length === 0) return null;
  return { id, event, data: JSON.parse(data.join("\n")) };
}

export interface Following {
  /** Called with each event. */
  onEvent: (event: Sent) => void;
  /** Called with true when the stream runs, with false while it is broken. */
  onState?: (connected: boolean) => void;
  /** Whether an event is the last one. */
  isLast?: (event: Sent) => boolean;
  signal: AbortSignal;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

/** Follow a stream until its last event; a broken one is taken up after the last event that arrived. Ends with the signal. */
export async function follow(path: string, { onEvent, onState, isLast, signal }: Following): Promise<void> {
  let last = "";
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (last) headers["Last-Event-ID"] = last;
      const answer = await request(path, { headers, signal });
      onState?.(true);
      pause = FIRST_PAUSE_MS;
      if (!answer.body) throw new Error("An event stream without a body.");
      for await (const event of sent(answer.body)) {
        if (event.id) last = event.id;
        onEvent(event);
        if (isLast?.(event)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const status = (error as { status?: number }).status ?? 0;
      if (status >= 400 && status < 500) throw error; // asking again would not help
    }
    onState?.(false);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}
