import { useEffect, useEffectEvent } from "react";

/** Call `step` so many times a second while it plays; late frames are skipped, not saved up. */
export function useCine(playing: boolean, perSecond: number, step: () => void): void {
  const next = useEffectEvent(step);
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    let due = performance.now();
    const tick = (now: number) => {
      if (now >= due) {
        due = Math.max(due + 1000 / perSecond, now - 1000 / perSecond);
        next();
      }
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [playing, perSecond]);
}
