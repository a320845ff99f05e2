import { describe, expect, it } from "vitest";
import { bars, duration, latency, short } from "./numbers";

describe("numbers", () => {
  it("come in the unit that fits", () => {
    expect([duration(0), duration(89), duration(90), duration(5399), duration(9000)]).toEqual(["0 s", "89 s", "2 min", "90 min", "2.5 h"]);
    expect([latency(null), latency(0.0421), latency(2.345)]).toEqual(["–", "42 ms", "2.3 s"]);
    expect([short(1), short(0.126), short(1234.5)]).toEqual(["1", "0.13", "1234.5"]);
  });
  it("are bars of the longest one", () => {
    expect(bars([{ name: "a", count: 4 }, { name: "b", count: 1 }]).map((bar) => bar.share)).toEqual([1, 0.25]);
    expect(bars([])).toEqual([]);
    expect(bars([{ name: "a", count: 0 }])[0]?.share).toBe(0);
  });
});
