/** One turn of the conversation, event by event (AG-UI). Pure: the page only shows what comes out of here. */

import { read } from "./values";

export type StepState = "running" | "done" | "failed" | "stopped";

export interface Step {
  id: string;
  tool: string;
  agent: string;
  model: string;
  inputs: string;
  state: StepState;
  seconds: number | null;
  error: string;
}

export interface ApprovalCard {
  approvalId: string;
  effect: string;
  analysisId: string;
  expires: string;
  state: string;
  destination: string;
}

export interface Turn {
  id: string;
  question: string;
  text: string;
  steps: Step[];
  approvals: ApprovalCard[];
  analysisId: string;
  needsReview: boolean;
  /** A remark of the page or the server about the run itself. */
  note: string;
  error: string;
  running: boolean;
}

export function asked(id: string, question: string): Turn {
  return {
    id,
    question,
    text: "",
    steps: [],
    approvals: [],
    analysisId: "",
    needsReview: false,
    note: "",
    error: "",
    running: true,
  };
}

/** The turn after an event. Unknown events change nothing: later servers may send more. */
export function after(turn: Turn, event: Record<string, unknown>, texts: { planner: string }): Turn {
  switch (event.type) {
    case "TOOL_CALL_START":
      return { ...turn, steps: [...turn.steps, begun(read.text(event.toolCallId), read.text(event.toolCallName))] };
    case "TOOL_CALL_ARGS":
      return changed(turn, read.text(event.toolCallId), described(read.json(event.delta)));
    case "TOOL_CALL_RESULT":
      return changed(turn, read.text(event.toolCallId), finished(read.json(event.content)));
    case "TEXT_MESSAGE_START":
      return { ...turn, text: turn.text ? `${turn.text}\n\n` : "" };
    case "TEXT_MESSAGE_CONTENT":
      return { ...turn, text: turn.text + read.text(event.delta) };
    case "CUSTOM":
      return custom(turn, read.text(event.name), read.record(event.value), texts);
    case "RUN_FINISHED":
      return { ...turn, running: false };
    case "RUN_ERROR":
      return ended(turn, read.text(event.message));
    default:
      return turn;
  }
}

/** A turn that came to no answer: what ran is stopped. */
export function ended(turn: Turn, error: string): Turn {
  const steps = turn.steps.map((step) => (step.state === "running" ? { ...step, state: "stopped" as const } : step));
  return { ...turn, steps, error, running: false };
}

function custom(turn: Turn, name: string, value: Record<string, unknown>, texts: { planner: string }): Turn {
  if (name === "analysis") {
    return { ...turn, analysisId: read.text(value.analysis_id), needsReview: value.needs_review === true };
  }
  if (name === "planner_changed") return { ...turn, text: "", note: texts.planner };
  if (name === "approval") {
    const details = read.record(value.details);
    const card: ApprovalCard = {
      approvalId: read.text(value.approval_id),
      effect: read.text(value.effect),
      analysisId: read.text(value.analysis_id),
      expires: read.text(value.expires),
      state: read.text(value.state),
      destination: read.text(details.destination),
    };
    const others = turn.approvals.filter((one) => one.approvalId !== card.approvalId);
    return { ...turn, approvals: [...others, card] };
  }
  return turn;
}

function begun(id: string, tool: string): Step {
  return { id, tool, agent: "", model: "", inputs: "", state: "running", seconds: null, error: "" };
}

function changed(turn: Turn, id: string, change: (step: Step) => Step): Turn {
  return { ...turn, steps: turn.steps.map((step) => (step.id === id ? change(step) : step)) };
}

function described(facts: Record<string, unknown>): (step: Step) => Step {
  const inputs = facts.inputs === undefined ? "" : JSON.stringify(facts.inputs, null, 1);
  return (step) => ({ ...step, agent: read.text(facts.agent) || step.agent, model: read.text(facts.model) || step.model, inputs });
}

function finished(facts: Record<string, unknown>): (step: Step) => Step {
  return (step) => ({
    ...step,
    agent: read.text(facts.agent) || step.agent,
    model: read.text(facts.model) || step.model,
    state: facts.ok === false ? "failed" : "done",
    seconds: typeof facts.seconds === "number" ? facts.seconds : null,
    error: read.text(facts.error),
  });
}
