import { describe, expect, it } from "vitest";
import { wordDiff, words } from "./worddiff";

const side = (before: string, after: string, kind: "gone" | "new") =>
  wordDiff(before, after)
    .filter((part) => part.change === "same" || part.change === kind)
    .map((part) => part.text)
    .join("");

describe("wordDiff", () => {
  it("names the words that went and came", () => {
    expect(wordDiff("The liver is large.", "The liver is not large.")).toEqual([
      { change: "same", text: "The liver is " },
      { change: "new", text: "not " },
      { change: "same", text: "large." },
    ]);
  });

  it("keeps a number with its decimals as one word", () => {
    expect(words("70.4 mL, f1")).toEqual(["70.4", " ", "mL", ",", " ", "f1"]);
    expect(wordDiff("70.4 mL", "70.5 mL")[0]).toEqual({ change: "gone", text: "70.4" });
  });

  it.each([
    ["", ""],
    ["", "new words"],
    ["old words", ""],
    ["a b c d e", "e d c b a"],
    ["line one\n\nline  two\n", "line two\nline three — größer 😀"],
    ["same", "same"],
  ])("loses nothing of %j and %j", (before, after) => {
    expect(side(before, after, "gone")).toBe(before);
    expect(side(before, after, "new")).toBe(after);
  });

  it("answers for texts too long for a table", () => {
    const long = Array.from({ length: 6000 }, (_, k) => `w${k}`).join(" ");
    const other = Array.from({ length: 6000 }, (_, k) => `v${k}`).join(" ");
    expect(side(long, other, "new")).toBe(other);
  });
});
