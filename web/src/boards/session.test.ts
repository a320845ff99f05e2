import { describe, expect, it } from "vitest";
import type { Message } from "./queries";
import { after, type Session } from "./session";

const empty: Session = { messages: [], state: "open", members: ["local"], view: null, steps: [], failure: "" };
const event = (kind: string, data: unknown) => ({ id: "1", event: kind, data });
const said = (id: string) => ({ message_id: id, author: "chair", kind: "agent", at: "", claims: [], reply_to: "" }) as unknown as Message;

describe("a board's session", () => {
  it("takes each message once, however often it comes", () => {
    const once = after(empty, event("message", said("m1")));
    expect(after(once, event("message", said("m1")))).toBe(once);
    expect(after(once, event("message", said("m2"))).messages).toHaveLength(2);
  });

  it("shows steps while they run, and none when the run is over", () => {
    const running = after(after(empty, event("state", { state: "running" })), event("step_started", { id: "s1", agent: "imaging" }));
    expect(running.steps.map((step) => step.agent)).toEqual(["imaging"]);
    expect(after(running, event("step_finished", { id: "s1" })).steps).toEqual([]);
    expect(after(running, event("state", { state: "open" })).steps).toEqual([]);
  });

  it("follows the view, and survives what it does not know", () => {
    const view = { study_uid: "1.2", series: "1.2.3", slice: 4, user: "local", seat: "a" };
    expect(after(empty, event("view", view)).view).toMatchObject({ studyUid: "1.2", slice: 4, seat: "a" });
    expect(after(empty, event("news", null))).toBe(empty);
  });
});
