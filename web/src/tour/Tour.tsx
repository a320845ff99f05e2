import { lazy, Suspense, useEffect, useState } from "react";
import { useLocation } from "wouter";

const Guide = lazy(() => import("./Guide"));
const KEY = "medimage.toured";

/** The guided tour: by itself for whoever comes to the worklist for the first time, later when it is asked for. */
export function Tour({ asked, onEnd }: { asked: boolean; onEnd: () => void }) {
  const [location] = useLocation();
  const [first, setFirst] = useState(() => location === "/" && localStorage.getItem(KEY) !== "yes");
  const running = asked || first;
  useEffect(() => {
    // Who has seen its beginning is not greeted again, however they leave.
    if (running) localStorage.setItem(KEY, "yes");
  }, [running]);
  if (!running) return null;
  return (
    <Suspense fallback={null}>
      <Guide
        onEnd={() => {
          setFirst(false);
          onEnd();
        }}
      />
    </Suspense>
  );
}
