/** The conversation: AG-UI events over fetch, each shown as it arrives. */

import { $, element, notice, request } from "./dom.js";

const SAMPLES = {
  CT: ["Measure the liver.", "Is there a lung nodule? How large is it?", "Segment both kidneys and give their volumes."],
  CR: ["Is the heart enlarged? Give the cardiothoracic ratio.", "Segment the lungs."],
  MR: ["Is there a tumour? Measure it."],
};
SAMPLES.DX = SAMPLES.CR;

let study = null;
let conversation = "";
let running = null;
let told = () => {};

/** Call `listener(analysisId)` when a turn has made an analysis. */
export function onAnalysis(listener) {
  told = listener;
}

/** Begin a new conversation about a study: a conversation belongs to one patient. */
export function converse(opened) {
  running?.abort();
  study = opened;
  conversation = crypto.randomUUID();
  for (const turn of $("log").querySelectorAll(".turn")) turn.remove();
  $("hint").hidden = false;
  $("question").disabled = $("send").disabled = false;
  $("question").placeholder = "What do you want to know?";
  const modality = study.modality.split("\\")[0];
  const samples = SAMPLES[modality] ?? ["What does this image show?"];
  $("samples").replaceChildren(...samples.map(sample));
}

function sample(text) {
  const take = () => { $("question").value = text; $("question").focus(); };
  return element("button", { type: "button", onclick: take }, text);
}

async function ask(text) {
  const turn = new Turn(text);
  const mine = (running = new AbortController());
  busy(true);
  try {
    const body = JSON.stringify(runInput(text));
    const headers = { "Content-Type": "application/json" };
    const answer = await request("chat", { method: "POST", headers, body, signal: mine.signal });
    for await (const event of serverSent(answer.body)) turn.take(event);
    turn.close();
  } catch (error) {
    turn.fail(error.name === "AbortError" ? "Stopped." : error.message);
  } finally {
    if (running === mine) busy(false);
  }
}

function runInput(text) {
  return {
    threadId: conversation,
    runId: crypto.randomUUID(),
    state: {},
    messages: [{ id: crypto.randomUUID(), role: "user", content: text }],
    tools: [],
    context: [],
    forwardedProps: { study_uid: study.study_uid, conversation_id: conversation },
  };
}

function busy(is) {
  if (!is) running = null;
  $("stop").hidden = !is;
  $("send").disabled = is;
}

/** The JSON of each `data:` line of an event stream. */
async function* serverSent(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const lines = rest.split(/\r?\n/);
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5));
    if (done) return;
  }
}

/** One question and what came of it. */
class Turn {
  constructor(text) {
    $("hint").hidden = true;
    this.steps = new Map();
    this.list = element("ul", { class: "steps", "aria-label": "Steps" });
    this.root = element("div", { class: "turn" }, element("p", { class: "said" }, text), this.list);
    this.message = null;
    this.study = study;
    this.over = false;
    $("log").append(this.root);
    this.follow();
  }

  take(event) {
    HANDLERS[event.type]?.(this, event);
    this.follow();
  }

  add(node) {
    this.root.append(node);
    return node;
  }

  /** Another planner took over: what the one before said does not count. */
  startAgain(text) {
    for (const said of this.root.querySelectorAll(".answer")) said.remove();
    this.add(element("p", { class: "event" }, text));
  }

  fail(text) {
    this.over = true;
    for (const step of this.steps.values()) if (step.classList.contains("running")) settle(step, false, "");
    this.add(element("p", { class: "failure" }, text));
    this.follow();
  }

  close() {
    if (!this.over) this.fail("The answer broke off. Ask again.");
  }

  follow() {
    $("log").scrollTop = $("log").scrollHeight;
  }
}

const HANDLERS = {
  TOOL_CALL_START(turn, event) {
    const step = element("li", { class: "running" },
      element("span", { class: "sign", "aria-hidden": "true" }, "●"),
      element("span", { class: "what" }, words(event.toolCallName)), element("span", { class: "time" }));
    turn.steps.set(event.toolCallId, step);
    turn.list.append(step);
  },
  TOOL_CALL_ARGS(turn, event) {
    const { agent, model } = JSON.parse(event.delta);
    const what = turn.steps.get(event.toolCallId)?.querySelector(".what");
    if (what) what.textContent = [agent, what.textContent, model].filter(Boolean).join(" · ");
  },
  TOOL_CALL_RESULT(turn, event) {
    const facts = JSON.parse(event.content);
    const step = turn.steps.get(event.toolCallId);
    if (step) settle(step, facts.ok !== false, facts.error, facts.seconds);
  },
  TEXT_MESSAGE_START(turn) {
    turn.message = turn.add(element("p", { class: "answer" }));
  },
  TEXT_MESSAGE_CONTENT(turn, event) {
    turn.message.textContent += event.delta;
  },
  CUSTOM(turn, event) {
    if (event.name === "planner_changed") turn.startAgain(changed(event.value));
    if (event.name === "analysis") {
      if (event.value.needs_review) turn.add(element("p", { class: "event" }, "This result needs review."));
      if (turn.study === study) told(event.value.analysis_id);
    }
  },
  RUN_FINISHED(turn) {
    turn.over = true;
  },
  RUN_ERROR(turn, event) {
    turn.fail(event.message);
  },
};

const words = (tool) => tool.replaceAll("_", " ");

function changed(value) {
  const planner = value.planner ?? value.to ?? "the built-in planner";
  return `From here on ${planner} plans${value.reason ? `: ${value.reason}` : "."}`;
}

function settle(step, ok, error, seconds) {
  step.className = ok ? "ok" : "bad";
  step.querySelector(".sign").textContent = ok ? "✓" : "✕";
  step.querySelector(".time").textContent = seconds == null ? "" : `${seconds.toFixed(1)} s`;
  if (error) step.querySelector(".what").append(` – ${error}`);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("question").value.trim();
  if (!text || !study || running) return;
  notice();
  $("question").value = "";
  ask(text);
});
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("stop").addEventListener("click", () => running?.abort());
