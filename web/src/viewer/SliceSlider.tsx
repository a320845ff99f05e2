import { useSyncExternalStore } from "react";
import type { Signal } from "./signal";
import { texts } from "#texts/viewer";

/** Where in the stack the reader is; dragged, it goes there. */
export function SliceSlider({ slice, count, onGo }: { slice: Signal<number>; count: number; onGo: (slice: number) => void }) {
  const at = Math.min(useSyncExternalStore(slice.watch, slice.now), count - 1);
  return (
    <input
      className="slice-slider"
      type="range"
      aria-label={texts.sliceSlider}
      aria-valuetext={texts.sliceOf(at + 1, count)}
      min="0"
      max={count - 1}
      value={at}
      onChange={(event) => onGo(Number(event.target.value))}
    />
  );
}
