import { useEffect, useRef } from "react";
import { useDesk } from "../reading/desk";

/** Wishes of the other rooms. */
export function useWishes(goTo: (uid: string, slice: number) => void, showMask: (id: string) => void): void {
  const desk = useDesk();
  const latest = useRef({ goTo, showMask });
  useEffect(() => {
    latest.current = { goTo, showMask };
  });
  useEffect(() => {
    const ends = [
      desk.on("goTo", (place) => latest.current.goTo(place.seriesUid, place.slice)),
      desk.on("showMask", (id) => latest.current.showMask(id)),
    ];
    return () => ends.forEach((end) => end());
  }, [desk]);
}
