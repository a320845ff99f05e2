import { describe, expect, it } from "vitest";
import { Desk } from "../reading/desk";
import { answered, type Asked, Asking } from "./asked";
import { rowsOf, type Structure } from "./marks";
import type { AnalysisDocument } from "../reading/queries";

type MaskWish = Extract<Asked, { kind: "mask" }>;
const structure = (analysisId: string, id: string, coming = false) => ({ key: `${analysisId}/${id}`, id, coming }) as Structure;

describe("a wish of another room", () => {
  it("is kept from before the images are open, the newest of them", () => {
    const desk = new Desk("study");
    const asking = new Asking(desk);
    const end = asking.listen();
    desk.wish("goTo", { seriesUid: "1", slice: 3 });
    desk.set({ analysisId: "a1" });
    desk.wish("showMask", "m1");
    expect(asking.now()).toEqual({ kind: "mask", analysisId: "a1", id: "m1" });
    asking.settle();
    expect(asking.now()).toBeNull();
    end();
    desk.wish("showMask", "m2");
    expect(asking.now()).toBeNull();
  });
  it("is told again when the same is asked twice", () => {
    const desk = new Desk("study");
    const asking = new Asking(desk);
    asking.listen();
    let told = 0;
    asking.watch(() => (told += 1));
    desk.wish("showMask", "m1");
    const first = asking.now();
    desk.wish("showMask", "m1");
    expect(told).toBe(2);
    expect(asking.now()).not.toBe(first);
  });

  const wish = (analysisId: string): MaskWish => ({ kind: "mask", analysisId, id: "m1" });
  it("for a mask waits for the analysis, then for its pixels", () => {
    expect(answered(wish("a1"), { analysisId: "a1", structures: [], settled: false })).toBe("wait");
    expect(answered(wish("a1"), { analysisId: "a1", structures: [structure("a1", "m1", true)], settled: true })).toBe("wait");
    const here = structure("a1", "m1");
    expect(answered(wish("a1"), { analysisId: "a1", structures: [here], settled: true })).toBe(here);
    expect(answered(wish(""), { analysisId: "a1", structures: [here], settled: true })).toBe(here);
  });
  it("for a mask of another analysis, or of none, is dropped", () => {
    expect(answered(wish("a1"), { analysisId: "a2", structures: [structure("a2", "m1")], settled: true })).toBe("drop");
    expect(answered(wish("a1"), { analysisId: "a1", structures: [], settled: true })).toBe("drop");
  });
});

describe("structures", () => {
  const document = { masks: [{ id: "m1", target: "liver", voxel_count: 5, qa: { outcome: "pass", confidence: 0.65 } }], findings: [] } as unknown as AnalysisDocument;
  it("are known by their analysis too", () => {
    expect(rowsOf("a1", document)[0]?.key).toBe("a1/m1");
    expect(rowsOf("a2", document)[0]?.key).toBe("a2/m1");
  });
  it("are of low confidence where the report calls them unsure", () => expect(rowsOf("a1", document)[0]?.lowConfidence).toBe(true));
});
