import type { StudyView } from "../reading/queries";
import { drafts } from "./drafts";
import type { Structure } from "./marks";
import { type Correcting, isBrush, type Tool } from "./state";
import type { useCorrection } from "./useCorrection";
import type { Marking } from "./useMarking";
import type { Staging } from "./useStage";

/** The way into a correction, through its strokes, and out of it. */
export function useCorrecting(
  study: StudyView,
  stage: Staging,
  marking: Marking,
  correction: ReturnType<typeof useCorrection>,
  correcting: Correcting | null,
  setTool: (tool: Tool) => void,
) {
  const { structures } = marking.marked;

  const begin = (structure: Structure) => {
    const target = study.series.find((one) => one.series_uid === structure.seriesUid);
    if (!target) return;
    if (structure.seriesUid !== stage.seriesUid) stage.goTo(structure.seriesUid, structure.mask?.largest() ?? 0);
    if (stage.layout !== "one") stage.change("one");
    marking.point(structure);
    correction.begin(structure, stage.stackOf({ study, series: target, plane: "acquired" }), stage.view()?.index ?? 0);
    setTool("brush");
  };

  return {
    correction,
    begin,
    /** A brush needs a mask: that which is pointed at, else the first of this series. */
    choose: (next: Tool) => {
      if (isBrush(next) && !correcting) {
        const drawable = structures.filter(({ mask }) => mask);
        const structure = drawable.find(({ id }) => id === marking.chosen) ?? drawable.find(({ seriesUid }) => seriesUid === stage.seriesUid);
        if (!structure) return;
        begin(structure);
      }
      setTool(next);
    },
    back: (which: "undo" | "redo") => {
      const at = correcting?.editing[which]() ?? null;
      if (at === null) return;
      drafts.changed();
      if (correcting) stage.goTo(correcting.structure.seriesUid, at); // also where another series is shown by now
      stage.view()?.redraw();
    },
    close: (keep: boolean) => {
      correction.close(keep);
      setTool("window");
    },
  };
}

export type Correcter = ReturnType<typeof useCorrecting>;
