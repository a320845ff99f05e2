import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useDesk, useDeskValue } from "../reading/desk";
import type { SeriesView, StudyView } from "../reading/queries";
import { Correction } from "./Correction";
import { linesOf } from "./crossing";
import { start } from "./engine/cornerstone";
import { linkedSlice } from "./engine/geometry";
import { type Measured, removeAllMeasured } from "./engine/measures";
import type { Colour, Line } from "./engine/painter";
import { cuts, type PlaneName, shownAt } from "./engine/plane";
import { presets } from "./engine/windows";
import { type Structure, useMarks } from "./marks";
import { Measurements } from "./Measurements";
import { Pane } from "./Pane";
import { likest, usePrior, usePriors } from "./priors";
import { PriorBar } from "./PriorBar";
import { isBrush, type Layout, type MarkStyle, type PaneHandle, type PaneSpec, panesOf, type Tool } from "./state";
import { Structures } from "./Structures";
import { texts } from "./texts";
import { Thumbnails } from "./Thumbnails";
import { Toolbar } from "./Toolbar";
import { useCine } from "./useCine";
import { useCorrection } from "./useCorrection";
import { useKeys } from "./useKeys";
import { NO_LAYERS, useLayers } from "./useLayers";
import { useLibrary } from "./useLibrary";
import { useWindows } from "./useWindows";
import { useWishes } from "./useWishes";
import { viewingKeys } from "./viewingKeys";
import { WithoutWebgl } from "./WithoutWebgl";

const NO_COLOURS: ReadonlyMap<string, Colour> = new Map();
const RADIOGRAPHS = new Set(["CR", "DX", "DR"]);

/** The images of a study: pictures, what the analysis marked in them, and what the reader measures and corrects. */
export default function Workstation({ study }: { study: StudyView }) {
  const desk = useDesk();
  const analysisId = useDeskValue("analysisId");
  const marksShown = useDeskValue("marksShown");
  const chosen = useDeskValue("maskId");
  const [seriesUid, setSeriesUid] = useState(study.series[0]?.series_uid ?? "");
  const series = study.series.find((one) => one.series_uid === seriesUid) ?? (study.series[0] as SeriesView);
  const [layout, setLayout] = useState<Layout>("one");
  const [active, setActive] = useState("main");
  const [tool, setTool] = useState<Tool>("window");
  const [inverted, setInverted] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(15);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [colours, setColours] = useState(NO_COLOURS);
  const [style, setStyle] = useState<MarkStyle>({ fill: true, outline: true, opacity: 0.3 });
  const [priorUid, setPriorUid] = useState("");
  const [priorSeriesUid, setPriorSeriesUid] = useState("");
  const [linked, setLinked] = useState(true);
  const [link, setLink] = useState("");
  const [slice, setSlice] = useState(0);
  const [cutsAt, setCutsAt] = useState<Partial<Record<PlaneName, number>>>({});
  const [webgl, setWebgl] = useState(true);

  const library = useLibrary();
  const handles = useRef(new Map<string, PaneHandle>());
  const indices = useRef(new Map<string, number>());
  const waiting = useRef<{ seriesUid: string; slice: number } | null>(null);
  const { structures, boxes, known } = useMarks(analysisId);
  const correction = useCorrection();
  const correcting = correction.correcting(structures);
  const windows = useWindows(() => handles.current.values());
  const priors = usePriors(study);
  const prior = usePrior(priorUid || (layout === "prior" ? (priors[0]?.study_uid ?? "") : ""));
  const priorSeries = prior.data?.series.find((one) => one.series_uid === priorSeriesUid) ?? (prior.data && likest(series, prior.data.series));
  const planes = useMemo(() => cuts(series), [series]);

  const panes = panesOf(layout, study, series, marksShown, prior.data && priorSeries ? { study: prior.data, series: priorSeries } : null, {
    ...texts,
    current: texts.current,
    prior: (one) => texts.priorDate(one.started ? new Date(one.started).toLocaleDateString() : ""),
  });
  const here = panes.find(({ id }) => id === active) ?? (panes.find(({ id }) => id === "main") as PaneSpec) ?? panes[0];
  const view = () => handles.current.get(here.id)?.view ?? null;
  const stackOf = (spec: PaneSpec) => library.stack(spec.study.study_uid, spec.series, spec.plane);
  const count = stackOf(here).count;

  useEffect(() => {
    void start().then((started) => setWebgl(started.webgl));
    return removeAllMeasured;
  }, []);

  const layersOf = useLayers(structures, correction.edits, hidden, colours, style);

  /** Where a pane begins: where the series was left, else in the middle. */
  const startOf = (spec: PaneSpec): number => {
    const wanted = waiting.current;
    if (wanted && spec.plane === "acquired" && wanted.seriesUid === spec.series.series_uid) return wanted.slice;
    const key = `${spec.series.series_uid}/${spec.plane}`;
    return indices.current.get(key) ?? Math.floor((stackOf(spec).count - 1) / 2);
  };

  const goTo = (uid: string, at: number) => {
    if (!study.series.some((one) => one.series_uid === uid)) return;
    setPlaying(false);
    indices.current.set(`${uid}/acquired`, at);
    if (uid !== seriesUid) {
      waiting.current = { seriesUid: uid, slice: at };
      setSeriesUid(uid);
      setActive("main");
      return;
    }
    for (const handle of handles.current.values()) {
      if (handle.spec.series.series_uid !== uid) continue;
      const stack = handle.view.stack;
      if (!stack) continue;
      // In a cut through the slices the slice is a line: show the middle of it.
      if (handle.spec.plane === "acquired") handle.view.goTo(at);
      else if (stack.plane.through.of === 0) handle.view.goTo(shownAt(stack.plane, stack.series, [at, 0, 0])[0]);
    }
  };
  const goToStructure = (structure: Structure) => {
    desk.set({ maskId: structure.id, marksShown: true });
    setHidden((before) => new Set([...before].filter((id) => id !== structure.id)));
    const largest = (correction.edits.get(structure.id)?.mask ?? structure.mask)?.largest();
    if (largest !== null && largest !== undefined) goTo(structure.seriesUid, largest);
  };
  const queries = useQueryClient();
  useEffect(() => desk.on("changed", (id) => void queries.invalidateQueries({ queryKey: ["analysis", id] })), [desk, queries]);
  useWishes(goTo, (maskId) => {
    const structure = structures.find(({ id }) => id === maskId);
    if (structure) goToStructure(structure);
  });

  const sliced = (spec: PaneSpec, at: number) => {
    indices.current.set(`${spec.series.series_uid}/${spec.plane}`, at);
    if (layout === "mpr") setCutsAt((before) => (before[spec.plane] === at ? before : { ...before, [spec.plane]: at }));
    if (spec.id !== here.id) return;
    waiting.current = null;
    setSlice(at);
    if (spec.study.study_uid === study.study_uid && spec.plane === "acquired") desk.set({ place: { seriesUid: spec.series.series_uid, slice: at } });
    follow(spec, at);
  };
  /** The other panes go where the active one went. */
  const follow = (spec: PaneSpec, at: number) => {
    if (layout !== "ai" && !(layout === "prior" && linked)) return;
    for (const other of handles.current.values()) {
      if (other.spec.id === spec.id) continue;
      const to = layout === "ai" ? { slice: at, by: "position" as const } : linkedSlice(spec.series, at, other.spec.series);
      other.view.goTo(to.slice);
      if (layout === "prior") setLink(to.by === "position" ? texts.linkedPosition : texts.linkedFraction);
    }
  };
  /** A double click in one plane: the others show the same point. */
  const pick = (spec: PaneSpec, pixel: { down: number; across: number }) => {
    const from = handles.current.get(spec.id)?.view;
    const voxel = from?.stack?.voxel(from.index, Math.round(pixel.down), Math.round(pixel.across));
    if (layout !== "mpr" || !voxel) return;
    for (const other of handles.current.values()) {
      if (other.spec.id !== spec.id && other.view.stack) other.view.goTo(shownAt(other.view.stack.plane, series, voxel)[0]);
    }
  };

  const changeLayout = (next: Layout) => {
    if (next === "mpr") setTool((before) => (isBrush(before) ? "window" : before));
    setLink("");
    setLayout(next);
    setActive(next === "mpr" ? "axial" : "main");
  };
  const begin = (structure: Structure) => {
    if (structure.seriesUid !== seriesUid) goTo(structure.seriesUid, structure.mask?.largest() ?? 0);
    if (layout !== "one") changeLayout("one");
    const target = study.series.find((one) => one.series_uid === structure.seriesUid);
    if (!target) return;
    desk.set({ maskId: structure.id, marksShown: true });
    setHidden((before) => new Set([...before].filter((id) => id !== structure.id)));
    correction.begin(structure, library.stack(study.study_uid, target, "acquired"), view()?.index ?? 0);
    setTool("brush");
  };
  const choose = (next: Tool) => {
    if (isBrush(next) && !correcting) {
      const structure = structures.find(({ id, mask }) => id === chosen && mask) ?? structures.find(({ mask, seriesUid: uid }) => mask && uid === seriesUid);
      if (!structure) return;
      begin(structure);
    }
    setTool(next);
  };
  const back = (which: "undo" | "redo") => {
    const at = correcting?.editing[which]();
    if (at === undefined || at === null) return;
    correction.stroke();
    view()?.goTo(at);
    view()?.redraw();
  };
  const close = (keep: boolean) => {
    correction.discard(correction.open, keep);
    setTool("window");
  };

  const spacing = stackOf(here).spacing;
  const brush = correcting && {
    editing: correcting.editing,
    radius: correction.radius / (spacing ? Math.sqrt(spacing[0] * spacing[1]) : 1),
    range: correction.range,
    onStroke: correction.stroke,
  };
  const names = presets(series);
  const preset = (name: (typeof names)[number]) => windows.choose(here.series, name, stackOf(here), view()?.index ?? 0);

  useKeys(
    viewingKeys({
      view,
      count,
      names,
      preset,
      choose,
      back,
      radius: (factor) => correction.setRadius(Math.max(1, Math.min(40, Math.round(correction.radius * factor * 2) / 2))),
      play: () => count > 1 && setPlaying((before) => !before),
      invert: () => setInverted((before) => !before),
      marks: () => desk.set({ marksShown: !marksShown }),
      leave: () => setTool("window"),
    }),
  );
  useCine(playing && count > 1, speed, () => {
    const shown = view();
    if (shown) shown.goTo(shown.target + 1 >= count ? 0 : shown.target + 1);
  });

  const allowed = { one: "", ai: "", prior: priors.length ? "" : texts.noPrior, mpr: planes.length ? "" : texts.noPlanes };
  const caution = spacing ? (series.spacing_source === "ImagerPixelSpacing" ? texts.detector : "") : texts.noSpacing;
  return (
    <div className="viewer">
      <Toolbar
        {...{ tool, inverted, playing, speed, layout, allowed, marksShown }}
        presets={names}
        preset={windows.nameOf(here.series)}
        onTool={choose}
        onPreset={preset}
        onInvert={() => setInverted(!inverted)}
        onFit={() => view()?.fit()}
        onPlay={() => setPlaying(!playing)}
        canPlay={count > 1}
        onSpeed={setSpeed}
        onLayout={changeLayout}
        onMarks={() => desk.set({ marksShown: !marksShown })}
      />
      {!webgl && <WithoutWebgl />}
      {layout === "prior" && (
        <PriorBar
          {...{ priors, linked }}
          prior={prior.data ?? null}
          series={priorSeries ?? null}
          onPrior={(uid) => {
            setPriorUid(uid);
            setPriorSeriesUid("");
          }}
          onSeries={setPriorSeriesUid}
          onLinked={setLinked}
        />
      )}
      <div className="viewer-body">
        {study.series.length > 1 && <Thumbnails study={study} chosen={seriesUid} onChoose={(uid) => goTo(uid, indices.current.get(`${uid}/acquired`) ?? middleOf(study, uid))} />}
        <div className="stage">
          <div className={`panes ${layout}`}>
            {panes.map((spec) => (
              <Pane
                key={`${layout}-${spec.id}`}
                spec={spec}
                stack={stackOf(spec)}
                start={startOf(spec)}
                window={windows.of(spec.series)}
                inverted={inverted}
                tool={tool}
                layers={spec.marks && spec.study === study ? layersOf(spec.series.series_uid) : NO_LAYERS}
                boxes={(spec.marks && spec.study === study && boxes.get(spec.series.series_uid)) || NO_BOXES}
                lines={layout === "mpr" ? linesOf(spec, stackOf, cutsAt) : NO_LINES}
                brush={spec.id === "main" ? brush : null}
                active={spec.id === here.id && panes.length > 1}
                link={spec.id === "prior" && linked ? link : spec.id === "main" && !marksShown ? texts.aiOff : ""}
                onActive={() => {
                  if (spec.id === here.id) return;
                  setActive(spec.id);
                  setSlice(handles.current.get(spec.id)?.view.index ?? 0);
                }}
                onHandle={(handle) => {
                  if (!handle) return void handles.current.delete(spec.id);
                  handles.current.set(spec.id, handle);
                  if (spec.id !== here.id) {
                    const shown = handles.current.get(here.id);
                    if (shown) follow(shown.spec, shown.view.index);
                  }
                }}
                onSlice={(at) => sliced(spec, at)}
                onWindow={(next) => windows.dragged(spec.series, next, spec.id)}
                onPick={(pixel) => pick(spec, pixel)}
              />
            ))}
          </div>
          {count > 1 && (
            <input
              className="slice-slider"
              type="range"
              aria-label={texts.slice(slice + 1, count)}
              min="0"
              max={count - 1}
              value={Math.min(slice, count - 1)}
              onChange={(event) => view()?.goTo(Number(event.target.value))}
            />
          )}
        </div>
        <aside className="viewer-side" aria-label={texts.panel}>
          {correcting?.structure.mask && (
            <Correction
              key={correcting.structure.id}
              {...{ analysisId, correcting, tool }}
              original={correcting.structure.mask}
              strokes={correction.strokes}
              radius_mm={correction.radius}
              unit={spacing ? "mm" : "px"}
              range={correction.range}
              onTool={choose}
              onRadius={correction.setRadius}
              onRange={correction.setRange}
              onUndo={() => back("undo")}
              onRedo={() => back("redo")}
              onDiscard={() => close(correction.stored.has(correction.open))}
              onStored={(id) => {
                correction.markStored(id);
                desk.wish("changed", analysisId);
              }}
            />
          )}
          <Structures
            {...{ structures, seriesUid, known, hidden, colours, style, chosen }}
            hasAnalysis={analysisId !== ""}
            correcting={correction.open}
            edited={new Set([...correction.edits].filter(([id, edit]) => edit.canUndo && !correction.stored.has(id)).map(([id]) => id))}
            canCorrect
            onShow={(id, shown) => setHidden((before) => new Set(shown ? [...before].filter((other) => other !== id) : [...before, id]))}
            onColour={(id, colour) => setColours((before) => new Map(before).set(id, colour))}
            onStyle={setStyle}
            onGo={goToStructure}
            onCorrect={(structure) => (correction.open === structure.id ? close(true) : begin(structure))}
          />
          <Measurements
            seriesUid={seriesUid}
            radiograph={RADIOGRAPHS.has(series.modality)}
            caution={caution}
            onGo={(measured: Measured) => {
              const plane = measured.imageId.split("/").at(-2) as PlaneName;
              const shown = [...handles.current.values()].find(({ spec }) => spec.series.series_uid === seriesUid && spec.plane === plane);
              if (shown) shown.view.goTo(measured.index);
              else if (plane === "acquired") changeLayout("one");
            }}
          />
        </aside>
      </div>
    </div>
  );
}

const NO_BOXES: never[] = [];
const NO_LINES: Line[] = [];

const middleOf = (study: StudyView, uid: string) => Math.floor(((study.series.find((one) => one.series_uid === uid)?.slices ?? 1) - 1) / 2);
