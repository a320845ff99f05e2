import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/client";
import { eyeItems, untold } from "./attention";
import type { CriticalRow, Finding, MaskFacts, Measurement, Report } from "./document";
import { piecesOf, valueText } from "./numbers";
import { structuresOf, targetOf } from "./structures";

const finding = (id: string, text: string, more: Partial<Finding> = {}): Finding => ({
  id, text, evidence: ["s1"], confidence: 0.9, qa: "pass", drafted: "", editedBy: "", editedAt: "", ...more,
});
const mask = (id: string, target: string, more: Partial<MaskFacts> = {}): MaskFacts => ({
  id, target, seriesUid: "1", stepId: "s1", model: "m@1", outcome: "pass", reasons: [], confidence: 0.9, ...more,
});
const measured = (target: string, value: number, maskId: string, more: Partial<Measurement> = {}): Measurement => ({
  name: "volume", target, value, unit: "mL", method: "count", seriesUid: "1", source: `${maskId} (s2)`, maskId, stepId: "s2", ...more,
});
const report = (more: Partial<Report>): Report => ({
  analysisId: "a1", studyUid: "1.2", status: "draft", created: "", summary: "", draftedSummary: "", findings: [], measurements: [],
  masks: [], prompts: [], steps: [], critical: [], unanswered: [], warnings: [], ...more,
});
const history = (more: Partial<Schemas["HistoryView"]>): Schemas["HistoryView"] => ({
  status: "draft", version: 1, transitions: [], acts: [], communications: [], opinions: [], addenda: [], approvals: [], feedback: [], ...more,
});
const pneumothorax: CriticalRow = { finding: "f1", rule: "ptx", name: "pneumothorax", urgency: "minutes", minutes: 15, note: "", source: "ACR" };

describe("eyeItems", () => {
  it("puts what must be told first, then what is least sure", () => {
    const items = eyeItems(
      report({
        critical: [pneumothorax],
        findings: [finding("f1", "Liver: 70 mL."), finding("f2", "Spleen: 9 mL.", { confidence: 0.4 }), finding("f3", "Kidney: 5 mL.")],
        masks: [
          mask("m1", "liver", { outcome: "review", confidence: 0.95 }),
          mask("m2", "spleen", { outcome: "review", confidence: 0.5 }),
          mask("m3", "kidney"),
          mask("m4", "pancreas", { outcome: "reject", confidence: 0.6 }),
          mask("m5", "aorta", { outcome: "review", confidence: 0.69 }),
        ],
        unanswered: ["heart: no model: none here"],
      }),
      undefined,
    );
    expect(items.map((item) => [item.kind, item.about])).toEqual([
      ["critical", "pneumothorax"],
      ["rejected", "pancreas"],
      ["unsure", "spleen"],
      ["unsure", "aorta"],
      ["review", "liver"],
      ["unanswered", "heart"],
    ]);
    expect(items[1]?.maskId).toBe(""); // a rejected outline has no pixels to show
    expect(items.at(-1)?.detail).toBe("no model: none here");
  });

  it("is empty when all passed with certainty, and after a reader corrected what was unsure", () => {
    const masks = [mask("m1", "liver", { outcome: "review" })];
    expect(eyeItems(report({ masks: [mask("m1", "liver")], findings: [finding("f1", "Liver: 7 mL.")] }), undefined)).toEqual([]);
    const corrected = finding("f1", "Liver: normal.", { drafted: "Liver: 7 mL.", editedBy: "reader" });
    expect(eyeItems(report({ masks, findings: [corrected] }), undefined)).toEqual([]);
  });

  it("tells of an impression that still says what was corrected, and of open opinions", () => {
    const corrected = finding("f1", "Liver: normal.", { drafted: "Liver: large.", editedBy: "reader" });
    const opinion = {
      opinion_id: "o", analysis_id: "a1", kind: "second_opinion" as const, asked_of: "Dr. Lee", question: "Nodule?", asked_by: "x", asked: "",
      agreement: null, comment: "", answered_by: "", answered_as: "", answered: null,
    };
    const items = eyeItems(report({ findings: [corrected], summary: "Liver: large." }), history({ opinions: [opinion] }));
    expect(items.map((item) => item.kind)).toEqual(["impression", "opinion"]);
  });

  it("counts a critical finding as told only when the attending settled it", () => {
    const act = {
      finding: "f1", rule: "ptx", kind: "acknowledged" as const, role: "reader" as const, attending: "", told_to: "", told_at: null,
      channel: null, comment: "", by: "x", at: "",
    };
    const open = report({ critical: [pneumothorax] });
    expect(untold(open, [act])).toHaveLength(1);
    expect(untold(open, [act, { ...act, kind: "communicated" }])).toHaveLength(0);
    expect(untold(open, [{ ...act, kind: "communicated", finding: "f2" }])).toHaveLength(1);
  });
});

describe("structuresOf", () => {
  it("groups by what a sentence begins with; the rest comes last", () => {
    const found = structuresOf(
      report({
        findings: [finding("f0", "No free fluid."), finding("f1", "Liver lesion: 12 mm."), finding("f2", "Liver: 70 mL.")],
        masks: [mask("m1", "liver"), mask("m2", "liver lesion")],
        measurements: [measured("liver", 70, "m1")],
      }),
    );
    expect(found.map((one) => [one.target, one.findings.map((each) => each.id)])).toEqual([
      ["liver lesion", ["f1"]],
      ["liver", ["f2"]],
      ["", ["f0"]],
    ]);
  });

  it("puts what is critical first, under the name that it gives itself", () => {
    const found = structuresOf(
      report({
        findings: [finding("f2", "Liver: 70 mL."), finding("f1", "Pneumothorax: left apex.")],
        masks: [mask("m1", "liver")],
        critical: [pneumothorax],
      }),
    );
    expect(found.map((one) => one.target)).toEqual(["pneumothorax", "liver"]);
  });

  it("takes names as words, not as parts of words", () => {
    expect(targetOf("A delivery of the lung", ["liver", "lung"])).toBe("lung");
  });
});

describe("piecesOf", () => {
  const both = report({
    masks: [mask("m1", "liver"), mask("m2", "spleen"), mask("m3", "cyst", { outcome: "reject" })],
    measurements: [measured("liver", 70.4321, "m1"), measured("spleen", 588994, "m2", { name: "voxel_count", unit: "1" })],
  });
  const links = (sentence: string) => piecesOf(sentence, both).filter((piece) => piece.maskId).map((piece) => [piece.text, piece.maskId]);

  it("leads a measured number to its outline, and loses no letter", () => {
    const sentence = "Liver: volume 70.4 mL (series-1), Dice 0.86.";
    expect(links(sentence)).toEqual([["70.4 mL", "m1"]]);
    expect(piecesOf(sentence, both).map((piece) => piece.text).join("")).toBe(sentence);
  });

  it("leads a count without a unit, and a number with a unit that a reader wrote", () => {
    expect(links("Spleen: 588994 pixels")).toEqual([["588994 pixels", "m2"]]);
    expect(links("Liver: about 71 mL")).toEqual([["71 mL", "m1"]]);
  });

  it("leads nowhere from scores, dates and what was rejected", () => {
    expect(links("Seen on 2024-01-05, score 0.9")).toEqual([]);
    expect(links("Cyst: 12 mm")).toEqual([]);
  });

  it("writes values with the units of the field", () => {
    expect(valueText(measured("liver", 70.4321, "m1"))).toBe("70.43 mL");
    expect(valueText(measured("liver", -12.5, "m1", { unit: "[hnsf'U]" }))).toBe("-12.5 HU");
    expect(valueText(measured("liver", 588994, "m1", { name: "voxel_count", unit: "1" }))).toBe("588994 px");
  });
});
