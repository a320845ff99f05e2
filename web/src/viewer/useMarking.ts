import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState, useSyncExternalStore } from "react";
import { useDesk, useDeskValue } from "../reading/desk";
import { answered, type Asking } from "./asked";
import type { Edits } from "./drafts";
import type { Colour } from "./engine/pictures";
import { type Structure, useMarks } from "./marks";
import type { MarkStyle } from "./state";
import { useLayers } from "./useLayers";

const NO_COLOURS: ReadonlyMap<string, Colour> = new Map();
const NO_OPACITIES: ReadonlyMap<string, number> = new Map();

/** What the analysis marked, how the reader wants to see it, and what other rooms ask to be shown of it. */
export function useMarking(asking: Asking, edits: Edits, show: (seriesUid: string, slice: number) => void) {
  const desk = useDesk();
  const analysisId = useDeskValue("analysisId");
  const chosen = useDeskValue("maskId");
  const marked = useMarks(analysisId);
  const { structures, settled } = marked;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [colours, setColours] = useState(NO_COLOURS);
  const [style, setStyle] = useState<MarkStyle>({ fill: true, outline: true, opacity: 0.3 });
  const [opacities, setOpacities] = useState(NO_OPACITIES);
  const layersOf = useLayers(structures, edits, hidden, colours, style, opacities);

  const point = (structure: Structure) => {
    desk.set({ maskId: structure.id, marksShown: true });
    setHidden((before) => new Set([...before].filter((key) => key !== structure.key)));
  };
  const goTo = (structure: Structure) => {
    point(structure);
    const largest = (edits.get(structure.key)?.mask ?? structure.mask)?.largest();
    if (largest !== null && largest !== undefined) show(structure.seriesUid, largest);
  };

  const asked = useSyncExternalStore(asking.watch, asking.now);
  const answer = useEffectEvent(() => {
    if (!asked) return;
    if (asked.kind === "slice") show(asked.place.seriesUid, asked.place.slice);
    else {
      const structure = answered(asked, { analysisId, structures, settled });
      if (structure === "wait") return;
      if (structure !== "drop") goTo(structure);
    }
    asking.settle();
  });
  useEffect(() => answer(), [asked, analysisId, structures, settled]);
  // A mask that is pointed at belongs to its analysis: the next one may call another "m1".
  useEffect(() => () => desk.set({ maskId: "" }), [desk, analysisId]);

  const queries = useQueryClient();
  useEffect(() => desk.on("changed", (id) => void queries.invalidateQueries({ queryKey: ["analysis", id] })), [desk, queries]);

  return {
    ...{ marked, hidden, colours, style, opacities, chosen, layersOf, point },
    /** The reader's own way there: what was asked before no longer counts. */
    goTo: (structure: Structure) => {
      asking.settle();
      goTo(structure);
    },
    show: (key: string, shown: boolean) => setHidden((before) => new Set(shown ? [...before].filter((other) => other !== key) : [...before, key])),
    /** How all are drawn; who moves the opacity of all takes back what single ones were given. */
    restyle: (next: MarkStyle) => {
      if (next.opacity !== style.opacity) setOpacities(NO_OPACITIES);
      setStyle(next);
    },
    fade: (key: string, opacity: number) => setOpacities((before) => new Map(before).set(key, opacity)),
    colour: (key: string, colour: Colour) => setColours((before) => new Map(before).set(key, colour)),
  };
}

export type Marking = ReturnType<typeof useMarking>;
