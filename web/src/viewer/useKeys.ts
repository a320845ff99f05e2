import { useEffect, useEffectEvent } from "react";

/** What a key asks for; the name of the key as browsers give it, letters in lower case. */
export type Keys = Record<string, () => void>;

const WRITING = "input:not([type=checkbox], [type=range], [type=color]), textarea, select, [contenteditable=true]";
const ACTING = new Set([" ", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

/** Keys of the images work wherever nothing is written and nothing else wants the key: readers look at pictures, not at the focus. */
export function useKeys(keys: Keys): void {
  const act = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.defaultPrevented || event.altKey || target?.closest(WRITING)) return;
    const images = target?.closest(".viewer") ?? null;
    const neutral = target === document.body || target?.id === "content" || target === null;
    if (!images && !neutral) return;
    // A focused button, slider or box keeps the keys that work it.
    if (images && !target?.closest(".pane") && ACTING.has(event.key) && target?.closest("button, input, [role=tab]")) {
      if (event.key === " " || event.key === "Enter" || target.closest("input:not([type=checkbox])")) return;
    }
    const name = (event.ctrlKey || event.metaKey ? "ctrl+" : "") + (event.shiftKey && event.key.length > 1 ? "shift+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const wish = keys[name];
    if (!wish) return;
    event.preventDefault();
    wish();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => act(event);
    // Before Cornerstone, which takes every key of its element, Tab too.
    document.addEventListener("keydown", listen, true);
    return () => document.removeEventListener("keydown", listen, true);
  }, []);
}
