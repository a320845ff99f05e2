import { describe, expect, it } from "vitest";
import { Editing } from "./brush";
import { Mask } from "./mask";
import { acquired } from "./plane";
import type { Series } from "./stack";

const series: Series = {
  series_uid: "1.2", modality: "CT", description: "", colour: false, value_unit: "1", spacing_source: "", display_window: null,
  slices: 2, rows: 5, columns: 5, pixel_spacing_mm: null, slice_spacing_mm: null, uniform: true, columns_towards: null, rows_towards: null,
};
const ground = { key: "1.2/acquired", plane: acquired(series, "CT"), series, rows: 5, columns: 5 };
const at = { down: 2, across: 2 };

describe("a stroke", () => {
  it("is not torn by undo: it can be taken back when it is over", () => {
    const editing = new Editing(new Mask([], [2, 5, 5]), ground);
    for (const index of [0, 1]) {
      editing.begin(index);
      editing.draw(at, at, 1, "brush", null, [0, 0]);
      if (index === 1) expect(editing.undo()).toBeNull();
      expect(editing.end()).toBe(true);
    }
    expect([editing.mask.area(0), editing.mask.area(1)]).toEqual([5, 5]);
    expect(editing.undo()).toBe(1);
    expect([editing.mask.area(0), editing.mask.area(1)]).toEqual([5, 0]);
    expect(editing.redo()).toBe(1);
    expect(editing.mask.area(1)).toBe(5);
  });
  it("that was not ended is ended by the next", () => {
    const editing = new Editing(new Mask([], [2, 5, 5]), ground);
    editing.begin(0);
    editing.draw(at, at, 1, "brush", null, [0, 0]);
    editing.begin(1);
    editing.end();
    expect(editing.undo()).toBe(0);
  });
  it("of the threshold brush takes values of its range, and none where values are not here", () => {
    const editing = new Editing(new Mask([], [2, 5, 5]), ground);
    editing.begin(0);
    editing.draw(at, at, 1, "threshold", Int16Array.from({ length: 25 }, (_, place) => place), [11, 12]);
    editing.draw(at, at, 1, "threshold", null, [0, 100]);
    editing.end();
    expect(editing.mask.area(0)).toBe(2);
  });
});
