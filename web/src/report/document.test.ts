import { describe, expect, it } from "vitest";
import { type MaskFacts, type PromptFacts, promptsOf, type Report } from "./document";

const mask = (id: string, stepId: string): MaskFacts => ({
  id, target: "lung", seriesUid: "1", stepId, model: "m@1", outcome: "pass", reasons: [], confidence: null,
});
const prompt = (window: string, reason: string, more: Partial<PromptFacts> = {}): PromptFacts => ({ target: "lung", seriesUid: "1", text: "lung", window, reason, ...more });
const report = (masks: MaskFacts[], prompts: PromptFacts[]) => ({ masks, prompts }) as unknown as Report;

describe("promptsOf", () => {
  it("is what the step itself asked, where a run asked again in another window", () => {
    const asked = [prompt("lung", "as asked (s3)"), prompt("abdomen", "as asked (s5)")];
    expect(promptsOf(report([mask("m1", "s3"), mask("m2", "s5")], asked), "s5")).toEqual([asked[1]]);
  });
  it("is what was asked of the target in its series, where reasons name no step", () => {
    const asked = [prompt("lung", "as asked"), prompt("bone", "as asked", { target: "rib" }), prompt("lung", "as asked", { seriesUid: "2" })];
    expect(promptsOf(report([mask("m1", "s3")], asked), "s3")).toEqual([asked[0]]);
    expect(promptsOf(report([mask("m1", "s3")], asked), "s4")).toEqual([]);
  });
});
