import { expect, it } from "vitest";
import { placed, STEPS } from "./steps";
import { texts } from "#texts/tour";

const view = { width: 1280, height: 800 };
const card = { width: 360, height: 200 };

it("every step has its words, and the last two are the report", () => {
  expect(STEPS.map((step) => step.name)).toEqual(Object.keys(texts.steps));
  expect(STEPS.slice(-2).every((step) => step.tab === "tab-report")).toBe(true);
});

it("a card stands beside what it tells of, and within the window", () => {
  expect(placed({ left: 20, top: 20, width: 600, height: 100 }, card, view)).toEqual({ left: 20, top: 134 });
  expect(placed({ left: 1200, top: 700, width: 60, height: 80 }, card, view)).toEqual({ left: 908, top: 486 });
  expect(placed({ left: 0, top: 0, width: 800, height: 790 }, card, view).left).toBe(814);
  expect(placed({ left: 500, top: 0, width: 780, height: 790 }, card, view).left).toBe(126);
  expect(placed(null, card, view)).toEqual({ left: 460, top: 300 });
  const covered = placed({ left: 0, top: 0, width: 1280, height: 800 }, card, view);
  expect(covered).toEqual({ left: 906, top: 586 });
});
