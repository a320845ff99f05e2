/** What a board's events make of the page. Pure. */

import type { Sent } from "../api/events";
import type { Message } from "./queries";

export interface View {
  studyUid: string;
  series: string;
  slice: number;
  user: string;
  seat: string;
}

export interface AgentStep {
  id: string;
  agent: string;
  tool: string;
}

export interface Session {
  messages: Message[];
  state: string;
  members: string[];
  view: View | null;
  steps: AgentStep[];
  failure: string;
}

/** The session after an event; an event that came before changes nothing twice. */
export function after(session: Session, { event, data }: Sent): Session {
  const facts = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof facts[name] === "string" ? (facts[name] as string) : "");
  switch (event) {
    case "message": {
      const message = facts as unknown as Message;
      if (session.messages.some((one) => one.message_id === message.message_id)) return session;
      return { ...session, messages: [...session.messages, message] };
    }
    case "state": {
      const state = text("state") || session.state;
      const running = state === "running";
      return { ...session, state, steps: running ? session.steps : [], failure: running ? "" : session.failure };
    }
    case "presence":
      return { ...session, members: Array.isArray(facts.members) ? facts.members.map(String) : session.members };
    case "view":
      return {
        ...session,
        view: {
          studyUid: text("study_uid"),
          series: text("series"),
          slice: typeof facts.slice === "number" ? facts.slice : 0,
          user: text("user"),
          seat: text("seat"),
        },
      };
    case "step_started": {
      const step = { id: text("id"), agent: text("agent"), tool: text("tool") };
      return { ...session, steps: [...session.steps.filter((one) => one.id !== step.id), step] };
    }
    case "step_finished":
      return { ...session, steps: session.steps.filter((one) => one.id !== text("id")) };
    case "failed":
      return { ...session, failure: text("error") || text("reason") || text("message") };
    default:
      return session;
  }
}
