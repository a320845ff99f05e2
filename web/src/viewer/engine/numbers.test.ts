import { describe, expect, it } from "vitest";
import { type Measured, pairOf, ratioOf, said } from "./numbers";
import { HOUNSFIELD, unitOf } from "./windows";

const length = (id: string, imageId: string, mm: number): Measured => ({
  id, imageId, kind: "length", plane: "acquired", index: 0, place: [0, 0, 0], lines: [`${mm} mm`], value_mm: mm,
});

describe("values in a region", () => {
  const stats = { mean: 12.34, stdDev: 2, area: 100, areaUnit: "mm²", unit: "mm" };
  it("are HU only where the series says so", () => {
    expect(said("ellipse", stats, unitOf({ value_unit: HOUNSFIELD }))).toEqual(["mean 12.3 HU", "SD 2.0 HU", "100 mm²"]);
    expect(said("ellipse", stats, unitOf({ value_unit: "1" }))).toEqual(["mean 12.3", "SD 2.0", "100 mm²"]);
    expect(said("rectangle", stats, unitOf({ value_unit: "g/ml" }))[0]).toBe("mean 12.3 g/ml");
  });
});

describe("a region that reaches out of the picture", () => {
  it("says so, instead of numbers that nobody worked out", () => expect(said("ellipse", {}, "HU")).toEqual([expect.stringContaining("outside the picture")]));
});

describe("the ratio of heart and chest", () => {
  it("is of two lengths in one picture", () => {
    const [other, heart, chest] = [length("1", "lateral/0", 50), length("2", "frontal/0", 140), length("3", "frontal/0", 280)];
    expect(pairOf([other, heart, chest])).toEqual([heart, chest]);
    expect(ratioOf(chest, heart)).toBe("0.50");
  });
  it("is not of lengths in two pictures", () => expect(pairOf([length("1", "lateral/0", 50), length("2", "frontal/0", 140)])).toBeNull());
});
