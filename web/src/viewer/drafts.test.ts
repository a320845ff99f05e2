import { describe, expect, it } from "vitest";
import { Drafts } from "./drafts";
import { Editing } from "./engine/brush";
import { Mask } from "./engine/mask";
import { acquired } from "./engine/plane";
import type { Series } from "./engine/stack";

const series: Series = {
  series_uid: "1.2", modality: "CT", description: "", colour: false, value_unit: "1", spacing_source: "", display_window: null,
  slices: 1, rows: 3, columns: 3, pixel_spacing_mm: null, slice_spacing_mm: null, uniform: true, columns_towards: null, rows_towards: null,
};
const fresh = () => new Editing(new Mask([0, 1], [1, 3, 3]), { key: "k", plane: acquired(series, "CT"), series, rows: 3, columns: 3 });
const opened = () => {
  const page = new EventTarget();
  const drafts = new Drafts(page);
  const leaving = () => {
    const event = new Event("beforeunload", { cancelable: true });
    page.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const paint = (key: string) => {
    const editing = drafts.now().get(key) as Editing;
    editing.begin(0);
    editing.draw({ down: 2, across: 2 }, { down: 2, across: 2 }, 0.5, "brush", null, [0, 0]);
    editing.end();
    drafts.changed();
    return editing;
  };
  return { drafts, leaving, paint };
};

describe("drafts of masks", () => {
  it("are kept by analysis when the study is left, as long as they are not sent", () => {
    const { drafts, paint } = opened();
    drafts.begin("a1/m1", fresh);
    drafts.begin("a2/m1", fresh);
    const editing = paint("a1/m1");
    drafts.tidy();
    expect([...drafts.now().keys()]).toEqual(["a1/m1"]);
    drafts.begin("a1/m1", fresh);
    expect(drafts.now().get("a1/m1")).toBe(editing);
  });
  it("make the page ask before it is left, until they are sent", () => {
    const { drafts, leaving, paint } = opened();
    drafts.begin("a1/m1", fresh);
    expect(leaving()).toBe(false);
    const editing = paint("a1/m1");
    expect(leaving()).toBe(true);
    drafts.markSent("a1/m1", editing.mask.version);
    expect([leaving(), drafts.wasSent("a1/m1")]).toEqual([false, true]);
    editing.undo(); // what is on the server is another now
    drafts.changed();
    expect(leaving()).toBe(true);
    drafts.drop("a1/m1");
    expect(leaving()).toBe(false);
  });
  it("are not unsent where all strokes were taken back", () => {
    const { drafts, leaving, paint } = opened();
    drafts.begin("a1/m1", fresh);
    paint("a1/m1").undo();
    drafts.changed();
    expect(leaving()).toBe(false);
  });
  it("of a stroke that was drawn while another was sent are still unsent", () => {
    const { drafts, paint } = opened();
    drafts.begin("a1/m1", fresh);
    const sent = paint("a1/m1").mask.version;
    (drafts.now().get("a1/m1") as Editing).begin(0);
    paint("a1/m1");
    drafts.now().get("a1/m1")?.mask.replace(0, new Uint8Array(9));
    drafts.markSent("a1/m1", sent);
    expect(drafts.unsent("a1/m1")).toBe(true);
  });
});
