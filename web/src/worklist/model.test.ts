import { describe, expect, it } from "vitest";
import { clock, EVERYTHING, isFiltered, kept, moved, query, raised, remaining, remember, remembered, size, span, title } from "./model";

describe("times", () => {
  it("are as exact as a reader needs", () => {
    expect([0, 59, 60, 3599, 3600, 3900, 86_400, 100_000, 900_000].map(span)).toEqual([
      "just now", "just now", "1 min", "59 min", "1 h", "1 h 5 min", "1 d", "1 d 3 h", "10 d",
    ]);
  });

  it("of the clock say what is left, and what is over", () => {
    expect(clock({ due_in_s: 3000, age_s: 600 })).toEqual({ text: "due in 50 min", mood: "good" });
    expect(clock({ due_in_s: 800, age_s: 2800 })).toEqual({ text: "due in 13 min", mood: "soon" });
    expect(clock({ due_in_s: 30, age_s: 3570 })).toEqual({ text: "due now", mood: "soon" });
    expect(clock({ due_in_s: -30, age_s: 3630 })).toEqual({ text: "overdue 1 min", mood: "late" });
    expect(clock({ due_in_s: 30, age_s: 3570 }, 7230)).toEqual({ text: "overdue 2 h", mood: "late" });
    expect(clock({ due_in_s: null, age_s: 5 }).mood).toBe("none");
  });

  it("to go are an interval where one is known", () => {
    expect(remaining({ eta_s: 40, eta_low_s: 30, eta_high_s: 100 })).toBe("1–2 min left");
    expect(remaining({ eta_s: 40, eta_low_s: null, eta_high_s: null })).toBe("40 s left");
    expect(remaining({ eta_s: null, eta_low_s: null, eta_high_s: null })).toBe("");
    expect(remaining({ eta_s: 600, eta_low_s: 590, eta_high_s: 610 })).toBe("10 min left");
  });
});

describe("a filter", () => {
  it("is asked for without what was not chosen", () => {
    expect(query(EVERYTHING)).toEqual({ sort: "urgent" });
    const chosen = { ...EVERYTHING, group: "toRead" as const, mine: true, search: "  liver ", priority: ["STAT" as const] };
    expect(query(chosen)).toEqual({
      priority: ["STAT"], status: ["draft", "partial", "in_review"], mine: true, search: "liver", sort: "urgent",
    });
    expect([isFiltered(EVERYTHING), isFiltered({ ...EVERYTHING, sort: "due" }), isFiltered(chosen)]).toEqual([false, false, true]);
  });

  it("is kept without the search, which may name a patient", () => {
    const store = new Map<string, string>();
    const shelf = { getItem: (key: string) => store.get(key) ?? null, setItem: (key: string, value: string) => void store.set(key, value) };
    remember(shelf, { ...EVERYTHING, unread: true, sort: "due", search: "P1" });
    expect([...store.values()].join()).not.toContain("P1");
    expect(remembered(shelf)).toEqual({ ...EVERYTHING, unread: true, sort: "due" });
    for (const broken of ["{", "null", '"x"', '{"priority": "STAT", "group": "?", "sort": 3}']) {
      store.set("medimage.worklist", broken);
      expect(remembered(shelf)).toEqual(EVERYTHING);
    }
  });
});

describe("the chosen row", () => {
  it("stays when the list changes, and passes to its place when it goes", () => {
    expect(kept(["c", "a", "b"], "a", 0)).toBe("a");
    expect(kept(["b", "c"], "a", 0)).toBe("b");
    expect(kept(["b"], "a", 5)).toBe("b");
    expect(kept([], "a", 0)).toBe("");
  });

  it("moves within the list", () => {
    expect([moved(["a", "b"], "a", 1), moved(["a", "b"], "b", 1), moved(["a", "b"], "a", -1), moved(["a", "b"], "", 1)]).toEqual(["b", "b", "a", "a"]);
  });
});

it("names a study once", () => {
  expect(title({ modality: "CT", description: "CT head", body_part: "HEAD" })).toBe("CT head");
  expect(title({ modality: "CT", description: "", body_part: "HEAD" })).toBe("CT · HEAD");
  expect(title({ modality: "", description: "", body_part: "" })).toBe("Study");
});

it("says who raised a priority", () => {
  const job = { priority: "STAT", ordered: "ROUTINE", reasons: [{ kind: "indication", code: "stroke", text: "stroke", priority: "STAT", source: "" }] };
  expect(raised(job as never)).toBe("raised: by the indication, “stroke”; ordered as Routine");
  expect(raised({ ...job, ordered: "STAT" } as never)).toBe("");
});

it("says how large files are", () => {
  expect([12, 2048, 15_000_000].map(size)).toEqual(["12 B", "2.0 kB", "14 MB"]);
});
