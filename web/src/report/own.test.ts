import { describe, expect, it } from "vitest";
import type { Finding, Report } from "./document";
import { hasBlank, lieBeside, NOTHING, requestOf, rest } from "./own";

const finding = (id: string, text: string): Finding => ({
  id, text, evidence: ["s1"], confidence: null, qa: "pass", drafted: "", editedBy: "", editedAt: "",
});
const report = (more: Partial<Report> = {}): Report => ({
  analysisId: "a1", studyUid: "1", status: "draft", created: "", summary: "Liver: large.\nAsk again.", draftedSummary: "",
  findings: [finding("f1", "Liver: large.")], measurements: [], masks: [], prompts: [], steps: [], critical: [], unanswered: [], warnings: [], ...more,
});

describe("requestOf", () => {
  it("takes a draft into review with the first correction, and corrects it there after", () => {
    const own = { sentences: { f1: " Liver:  normal. " } };
    expect(requestOf(own, report())).toEqual({
      action: "start", reason: "", edits: [{ finding_id: "f1", text: "Liver: normal." }], summary: "Liver: normal.\nAsk again.",
    });
    expect(requestOf(own, report({ status: "in_review" }))?.action).toBe("edit");
  });

  it("leaves an impression as its reader wrote it", () => {
    const own = { summary: "All well.", sentences: { f1: "Liver: normal $& too." } };
    expect(requestOf(own, report())?.summary).toBe("All well.");
  });

  it("asks for nothing where nothing differs or a sentence is empty", () => {
    expect(requestOf({ sentences: {} }, report())).toBeNull();
    expect(requestOf({ summary: "Liver: large.\nAsk again. \n", sentences: { f1: "  " } }, report())).toBeNull();
  });
});

describe("rest", () => {
  it("keeps what was written while it was saved", () => {
    const sent = { summary: "a", sentences: { f1: "x", f2: "y" } };
    const own = { summary: "ab", sentences: { f1: "x", f2: "yz" } };
    expect(rest(own, sent, report({ summary: "a" }))).toEqual({ summary: "ab", sentences: { f2: "yz" } });
    expect(rest(sent, sent, report({ summary: "a" }))).toEqual({ sentences: {} });
  });
});

describe("lieBeside", () => {
  const own = { sentences: { f1: "Liver: normal." } };
  it("is true where another part of the report changed", () => {
    expect(lieBeside(own, report(), report({ status: "in_review" }))).toBe(true);
  });
  it.each([
    ["the sentence", { findings: [finding("f1", "Liver: small.")] }],
    ["the impression", { summary: "x" }],
    ["the status", { status: "signed" }],
  ])("is false where %s changed", (_, change) => {
    expect(lieBeside(own, report(), report(change))).toBe(false);
  });
});

describe("an emptied sentence", () => {
  it("is told, sent to nobody, and not taken for saved", () => {
    const own = { sentences: { f1: "  " } };
    expect(hasBlank(own)).toBe(true);
    expect(hasBlank({ sentences: { f1: "Seen." } })).toBe(false);
    expect(rest(own, own, { summary: "" } as Report)).toEqual(own);
    expect(rest({ sentences: { f1: "Seen." } }, { sentences: { f1: "Seen." } }, { summary: "" } as Report)).toEqual(NOTHING);
  });
});
