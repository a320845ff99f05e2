/** Where the part of the page is that a step tells of, as the page comes and goes round it. */

import { useEffect, useState } from "react";
import type { Box, Step } from "./steps";

/** Between two looks: parts of the page are fetched when they are opened. */
const LOOK_MS = 200;

function found(anchors: readonly string[]): { element: Element; box: Box } | null {
  for (const anchor of anchors) {
    const element = document.querySelector(anchor);
    const box = element?.getBoundingClientRect();
    if (element && box && box.width > 0 && box.height > 0) {
      const { left, top, width, height } = box;
      return { element, box: { left, top, width, height } };
    }
  }
  return null;
}

const same = (a: Box | null, b: Box | null) =>
  a === b || (a !== null && b !== null && a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height);

export function useAnchor(step: Step): Box | null {
  const [box, setBox] = useState<Box | null>(null);
  useEffect(() => {
    let shown: Element | null = null;
    const look = () => {
      const tab = step.tab ? document.getElementById(step.tab) : null;
      if (tab?.getAttribute("aria-selected") === "false") tab.click();
      const here = found(step.anchors);
      if (here && here.element !== shown) {
        shown = here.element;
        here.element.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      const now = here?.box ?? null;
      setBox((before) => (same(before, now) ? before : now));
    };
    look();
    const timer = window.setInterval(look, LOOK_MS);
    window.addEventListener("resize", look);
    return () => {
      window.clearInterval(timer);
      window.removeEventListener("resize", look);
    };
  }, [step]);
  return box;
}
