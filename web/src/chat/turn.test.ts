import { describe, expect, it } from "vitest";
import { linked } from "./sources";
import { after, asked, ended, type Turn } from "./turn";

const texts = { planner: "planner changed" };
const run = (...events: Record<string, unknown>[]): Turn =>
  events.reduce((turn, event) => after(turn, event, texts), asked("t", "How large?"));

const STARTED = { type: "TOOL_CALL_START", toolCallId: "s1", toolCallName: "segment" };

describe("a turn", () => {
  it("tells of a step with its agent, model, inputs, time and result", () => {
    const args = JSON.stringify({ agent: "segmentation", model: "m@1", inputs: { target: "liver" } });
    const result = JSON.stringify({ ok: true, seconds: 0.25, model: "m@1" });
    const turn = run(
      STARTED,
      { type: "TOOL_CALL_ARGS", toolCallId: "s1", delta: args },
      { type: "TOOL_CALL_RESULT", toolCallId: "s1", content: result },
    );
    expect(turn.steps).toEqual([
      {
        id: "s1",
        tool: "segment",
        agent: "segmentation",
        model: "m@1",
        inputs: '{\n "target": "liver"\n}',
        state: "done",
        seconds: 0.25,
        error: "",
      },
    ]);
  });

  it("joins the pieces of an answer and keeps paragraphs apart", () => {
    const piece = (delta: string) => ({ type: "TEXT_MESSAGE_CONTENT", delta });
    const turn = run({ type: "TEXT_MESSAGE_START" }, piece("One "), piece("square."), { type: "TEXT_MESSAGE_START" }, piece("Two."));
    expect(turn.text).toBe("One square.\n\nTwo.");
  });

  it("stops what ran when it ends without an answer", () => {
    const turn = ended(run(STARTED), "Stopped.");
    expect([turn.steps[0]?.state, turn.error, turn.running]).toEqual(["stopped", "Stopped.", false]);
  });

  it("shows an approval once, in its latest state", () => {
    const card = (state: string) => ({ type: "CUSTOM", name: "approval", value: { approval_id: "a", effect: "sign", state } });
    expect(run(card("pending"), card("approved")).approvals.map((one) => one.state)).toEqual(["approved"]);
  });

  it("survives events that are not as they should be", () => {
    const turn = run(STARTED, { type: "TOOL_CALL_RESULT", toolCallId: "s1", content: "no JSON" }, { type: "NEW" }, { type: "CUSTOM" });
    expect(turn.steps[0]?.state).toBe("done");
  });
});

describe("numbers of an answer", () => {
  const sources = [
    { id: "m1", target: "liver" },
    { id: "m2", target: "liver lesion" },
  ];
  it("lead to the mask that their sentence names", () => {
    expect(linked("Liver: volume 1520 mL.", sources, "#")).toBe("Liver: volume [1520 mL](#m1).");
    expect(linked("Liver lesion: 22.5 × 14.0 mm.", sources, "#")).toBe("Liver lesion: [22.5 × 14.0 mm](#m2).");
  });
  it("are linked whole, with their sign and unit", () => {
    expect(linked("Liver: area 175 mm², mean -68.2 HU.", sources, "#")).toBe("Liver: area [175 mm²](#m1), mean [-68.2 HU](#m1).");
  });
  it("take the structure named last before them", () => {
    expect(linked("The liver lesion has 12 mL, the liver 1500 mL", sources, "#")).toBe(
      "The liver lesion has [12 mL](#m2), the liver [1500 mL](#m1)",
    );
  });
  it("stay plain where nothing was outlined", () => {
    expect(linked("Spleen 12 mL", sources, "#")).toBe("Spleen 12 mL");
    expect(linked("Liver 12 mL", [], "#")).toBe("Liver 12 mL");
  });
});
