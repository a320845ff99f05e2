/** The page's keys: they act on the chosen row, wherever the focus is, unless something is being written or a window is open. */

import { useEffect, useRef } from "react";

export type Keys = Record<string, () => void>;

export function useKeys(keys: Keys): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as Element;
      if (target.closest("input, textarea, select, [contenteditable], dialog, [role=dialog]")) return;
      if (document.querySelector("dialog[open], [role=dialog]")) return;
      if (event.key === "Enter" && target.closest("button, a")) return; // that is theirs
      const act = now.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
