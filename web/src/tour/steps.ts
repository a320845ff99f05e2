/** The steps of the tour: where each one is, and which part of the page it points at. */

import { texts } from "#texts/tour";

export interface Step {
  name: keyof typeof texts.steps;
  /** On the worklist, or at an open study. */
  page: "worklist" | "study";
  /** Parts of the page, the best first; where there is none of them, the step stands by itself. */
  anchors: readonly string[];
  /** A tab that must be open for it. */
  tab?: string;
}

const part = (name: string) => `[data-tour="${name}"]`;

export const STEPS: readonly Step[] = [
  { name: "worklist", page: "worklist", anchors: [part("worklist"), ".worklist .empty-state"] },
  { name: "viewer", page: "study", anchors: [part("viewer"), ".reading .images"] },
  { name: "ask", page: "study", tab: "tab-chat", anchors: [part("ask"), "#room-chat"] },
  { name: "masks", page: "study", anchors: [part("masks"), part("viewer"), ".reading .images"] },
  { name: "correct", page: "study", anchors: [part("correct"), part("viewer"), ".reading .images"] },
  { name: "report", page: "study", tab: "tab-report", anchors: [part("report"), "#room-report"] },
  { name: "sign", page: "study", tab: "tab-report", anchors: [part("sign"), part("report"), "#room-report"] },
];

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const GAP = 14;
const EDGE = 12;

/** Where a card stands so that it does not cover what it tells of: below, above, beside, else in a corner of it. */
export function placed(anchor: Box | null, card: { width: number; height: number }, view: { width: number; height: number }) {
  const inside = (value: number, size: number, whole: number) => Math.max(EDGE, Math.min(value, whole - size - EDGE));
  if (!anchor) return { left: (view.width - card.width) / 2, top: Math.max(EDGE, (view.height - card.height) / 2) };
  const right = anchor.left + anchor.width;
  const bottom = anchor.top + anchor.height;
  const left = inside(anchor.left, card.width, view.width);
  const top = inside(anchor.top, card.height, view.height);
  if (bottom + GAP + card.height + EDGE <= view.height) return { left, top: bottom + GAP };
  if (anchor.top - GAP - card.height >= EDGE) return { left, top: anchor.top - GAP - card.height };
  if (right + GAP + card.width + EDGE <= view.width) return { left: right + GAP, top };
  if (anchor.left - GAP - card.width >= EDGE) return { left: anchor.left - GAP - card.width, top };
  return {
    left: inside(right - card.width - GAP, card.width, view.width),
    top: inside(bottom - card.height - GAP, card.height, view.height),
  };
}
