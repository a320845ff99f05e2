import { useCallback, useRef, useState } from "react";

/** One act at a time, with what was wrong with the last: a second click does nothing while the first is on its way. */
export function useAct() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const running = useRef(false);
  const act = useCallback(async (work: () => Promise<unknown>) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (refused) {
      setError(refused);
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  return { busy, error, act };
}
