import { useEffect, useState } from "react";
import { useDesk, useDeskValue } from "../reading/desk";
import type { StudyView } from "../reading/queries";
import type { Asking } from "./asked";
import { drafts } from "./drafts";
import { start } from "./engine/cornerstone";
import { removeAllMeasured } from "./engine/measures";
import { type Preset, presets } from "./engine/windows";
import { PriorBar } from "./PriorBar";
import { SidePanel } from "./SidePanel";
import { Stage } from "./Stage";
import { isBrush, type Layout, type Tool } from "./state";
import { Thumbnails } from "./Thumbnails";
import { Toolbar } from "./Toolbar";
import { useCine } from "./useCine";
import { useCorrecting } from "./useCorrecting";
import { useCorrection } from "./useCorrection";
import { useKeys } from "./useKeys";
import { useMarking } from "./useMarking";
import { leftAt, useStage } from "./useStage";
import { useWindows } from "./useWindows";
import { viewingKeys } from "./viewingKeys";
import { WithoutWebgl } from "./WithoutWebgl";

/** The images of a study: pictures, what the analysis marked in them, and what the reader measures and corrects. */
export default function Workstation({ study, asking }: { study: StudyView; asking: Asking }) {
  const desk = useDesk();
  const marksShown = useDeskValue("marksShown");
  const [chosenTool, setTool] = useState<Tool>("window");
  const [inverted, setInverted] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(15);
  const [webgl, setWebgl] = useState(true);

  const stage = useStage(study, marksShown);
  const { view, count, here, layout, beside } = stage;
  const show = (seriesUid: string, slice: number) => {
    setPlaying(false);
    stage.goTo(seriesUid, slice);
  };
  const correction = useCorrection();
  const marking = useMarking(asking, correction.edits, show);
  const correcting = correction.correcting(marking.marked.structures);
  const correcter = useCorrecting(study, stage, marking, correction, correcting, setTool);
  const windows = useWindows(() => stage.handles.current.values());
  // Of another analysis, or in another series, there is nothing to paint on.
  const paintable = correcting?.editing.ground.key === stage.stackOf(here).key;
  const tool = isBrush(chosenTool) && !paintable ? "window" : chosenTool;

  useEffect(() => {
    // Where it does not start, each pane says so.
    start().then(
      (started) => setWebgl(started.webgl),
      () => undefined,
    );
    return removeAllMeasured;
  }, []);

  const changeLayout = (next: Layout) => {
    if (next === "mpr") setTool((before) => (isBrush(before) ? "window" : before));
    stage.change(next);
  };
  const spacing = stage.stackOf(here).spacing;
  const brush = correcting && {
    editing: correcting.editing,
    radius: correction.radius / (spacing ? Math.sqrt(spacing[0] * spacing[1]) : 1),
    range: correction.range,
    onStroke: () => drafts.changed(),
  };
  const names = presets(here.series);
  const preset = (name: Preset) => windows.choose(here.series, name, stage.stackOf(here), view()?.index ?? 0);
  const play = () => count > 1 && setPlaying((before) => !before);
  const marks = () => desk.set({ marksShown: !marksShown });

  useKeys(
    viewingKeys({
      ...{ view, count, names, preset, play, marks },
      choose: correcter.choose,
      back: correcter.back,
      radius: (factor) => correction.setRadius(Math.max(1, Math.min(40, Math.round(correction.radius * factor * 2) / 2))),
      invert: () => setInverted((before) => !before),
      leave: () => setTool("window"),
    }),
  );
  useCine(playing && count > 1, speed, () => {
    const shown = view();
    if (shown) shown.goTo(shown.target + 1 >= count ? 0 : shown.target + 1);
  });

  return (
    <div className="viewer">
      <Toolbar
        {...{ tool, inverted, playing, speed, layout, marksShown }}
        allowed={{ one: "", ai: "", prior: beside.list.refused, mpr: stage.noCuts }}
        presets={names}
        preset={windows.nameOf(here.series)}
        onTool={correcter.choose}
        onPreset={preset}
        onInvert={() => setInverted(!inverted)}
        onFit={() => view()?.fit()}
        onPlay={play}
        canPlay={count > 1}
        onSpeed={setSpeed}
        onLayout={changeLayout}
        onMarks={marks}
      />
      {!webgl && <WithoutWebgl />}
      {layout === "prior" && <PriorBar beside={beside} onLinked={(on) => beside.link(on, stage.handles.current.get("main"), stage.handles.current.get("prior"))} />}
      <div className="viewer-body">
        {study.series.length > 1 && (
          <Thumbnails
            study={study}
            chosen={stage.seriesUid}
            onChoose={(uid) => {
              asking.settle();
              show(uid, leftAt(stage, study, uid));
            }}
          />
        )}
        <Stage {...{ study, stage, windows, tool, inverted, marksShown, brush }} layersOf={marking.layersOf} boxes={marking.marked.boxes} />
        <SidePanel {...{ stage, marking, correcter, correcting, tool }} onTool={correcter.choose} />
      </div>
    </div>
  );
}
