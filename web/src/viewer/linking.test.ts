import { describe, expect, it } from "vitest";
import type { Series } from "./engine/stack";
import { linked, offsetsOf, TOGETHER } from "./linking";
import { refusal } from "./priors";

const series = (slices: number, gap: number, start = 0, frame = "", placed = true): Series => ({
  series_uid: "1", modality: "CT", description: "", colour: false, value_unit: "1", spacing_source: "", display_window: null,
  slices, rows: 4, columns: 3, pixel_spacing_mm: [1, 1], slice_spacing_mm: Math.abs(gap), uniform: true, columns_towards: "L", rows_towards: "P",
  orientation: [[1, 0, 0], [0, 1, 0]],
  positions_mm: placed ? Array.from({ length: slices }, (_, at) => [0, 0, start + gap * at]) : null,
  frame_of_reference_uid: frame,
});

describe("what a link is worth", () => {
  const { there } = TOGETHER;
  it("is a place in the patient only within one frame of reference", () => {
    expect(linked(series(50, 2, 0, "f"), 5, series(50, 2, 0, "f"), there).said).toBe("Linked by position in the patient");
    expect(linked(series(50, 2, 0, "f"), 5, series(50, 2, 0, "g"), there).said).toBe("Linked by table position, not registered");
    expect(linked(series(50, 2), 5, series(50, 2), there).said).toBe("Linked by table position, not registered");
  });
  it("is told where the other has no slice there", () => {
    expect(linked(series(50, 2), 40, series(10, 2), there).said).toContain("the nearest is 62 mm away");
  });
  it("is a part of the way where positions are not known", () => {
    expect(linked(series(50, 2), 5, series(50, 2, 0, "", false), there).said).toContain("part of the way");
  });
});

describe("series that are linked again", () => {
  it("stay as they were laid, seen from both, by position", () => {
    const [one, other] = [series(100, 2), series(100, -2, 200)]; // the other runs from head to foot
    const { there, back } = offsetsOf(one, 10, other, 85); // 20 mm and 30 mm
    expect(linked(one, 10, other, there)).toMatchObject({ slice: 85, said: expect.stringContaining("10.0 mm apart") });
    expect(linked(one, 20, other, there).slice).toBe(75);
    expect(linked(other, 75, one, back).slice).toBe(20);
  });
  it("stay as they were laid by part of the way", () => {
    const [one, other] = [series(101, 2), series(51, 2, 0, "", false)];
    const { there, back } = offsetsOf(one, 20, other, 15);
    expect(linked(one, 40, other, there).slice).toBe(25);
    expect(linked(other, 25, one, back).slice).toBe(40);
    expect(linked(one, 100, other, there).slice).toBe(50);
  });
});

describe("the layout with a prior", () => {
  it("is refused as empty only when that is known", () => {
    expect(refusal({ priors: 0, pending: true, failed: false })).toContain("Looking for");
    expect(refusal({ priors: 0, pending: false, failed: false })).toContain("No other study");
    expect(refusal({ priors: 0, pending: false, failed: true })).toBe("");
    expect(refusal({ priors: 1, pending: false, failed: false })).toBe("");
  });
});
