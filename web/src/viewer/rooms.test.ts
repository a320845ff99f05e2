import { describe, expect, it } from "vitest";
import { spokenSlices } from "./spoken";
import { autoWindow, ctWindow, presets } from "./engine/windows";
import { likest, priorsOf, type StudySummary } from "./priors";

const study = (uid: string, more: Partial<StudySummary> = {}): StudySummary => ({
  study_uid: uid,
  patient_id: "P1",
  modality: "CT",
  description: "",
  body_part: "CHEST",
  started: "2026-01-01T00:00:00",
  accession: "",
  created: null,
  series_count: 1,
  image_count: 1,
  ...more,
});

describe("priors", () => {
  it("are other studies of the same patient, the likest and newest earlier one first", () => {
    const own = study("now", { started: "2026-06-01T00:00:00" });
    const all = [
      own,
      study("other patient", { patient_id: "P2" }),
      study("mr", { modality: "MR", body_part: "HEAD" }),
      study("old", { started: "2024-01-01T00:00:00" }),
      study("last", { started: "2025-12-01T00:00:00" }),
      study("later", { started: "2026-09-01T00:00:00" }),
    ];
    expect(priorsOf(own, all).map((one) => one.study_uid)).toEqual(["last", "old", "later", "mr"]);
  });
  it("are nobody's where the patient has no id", () => expect(priorsOf(study("a", { patient_id: "" }), [study("b", { patient_id: "" })])).toEqual([]));
  it("are compared series by series", () => {
    const series = (description: string, slices: number, modality = "CT") => ({ description, slices, modality, body_part: "CHEST" }) as never;
    expect(likest(series("lung", 300), [series("scout", 2), series("lung", 150), series("lung", 290)])).toMatchObject({ slices: 290 });
  });
});

describe("windows", () => {
  it("have CT's names for Hounsfield units only", () => {
    expect(presets({ modality: "CT", value_unit: "[hnsf'U]", colour: false })).toContain("lung");
    expect(presets({ modality: "CT", value_unit: "1", colour: false })).toEqual(["default", "auto"]);
    expect(presets({ modality: "US", value_unit: "1", colour: true })).toEqual([]);
    expect(ctWindow("softTissue")).toEqual({ low: -160, high: 240 });
  });
  it("leave out the tails", () => {
    const values = Float32Array.from({ length: 1000 }, (_, at) => at / 1000);
    values[999] = 1e6;
    const { low, high } = autoWindow(values);
    expect(low).toBeCloseTo(0.004, 3);
    expect(high).toBeLessThan(1);
    expect(autoWindow(new Uint8Array(10)).high).toBeGreaterThan(0);
  });
});

describe("changed slices", () => {
  it("are said as readers count them", () => {
    expect(spokenSlices([3, 4, 5, 8])).toBe("slices 4–6, 9");
    expect(spokenSlices([0])).toBe("slice 1");
  });
});
