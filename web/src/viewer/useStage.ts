import { useEffect, useMemo, useRef, useState } from "react";
import { useDesk } from "../reading/desk";
import type { SeriesView, StudyView } from "../reading/queries";
import { linesOf } from "./crossing";
import type { Measured } from "./engine/numbers";
import type { Line } from "./engine/painter";
import { cuts, type PlaneName, shownAt } from "./engine/plane";
import { Signal } from "./signal";
import { type Layout, type PaneHandle, type PaneSpec, panesOf } from "./state";
import { texts } from "#texts/viewer";
import { useLibrary } from "./useLibrary";
import { usePriorBeside } from "./usePriorBeside";

const NO_LINES: Line[] = [];
const middle = (count: number) => Math.floor((count - 1) / 2);
const titles = { aiOff: texts.aiOff, aiOn: texts.aiOn, planes: texts.planes, current: texts.current };

/** Which pictures are shown where, and how they move together. */
export function useStage(study: StudyView, marksShown: boolean) {
  const desk = useDesk();
  const library = useLibrary();
  const [seriesUid, setSeriesUid] = useState(study.series[0]?.series_uid ?? "");
  const series = study.series.find((one) => one.series_uid === seriesUid) ?? (study.series[0] as SeriesView);
  const [wanted, setWanted] = useState<Layout>("one");
  const [active, setActive] = useState("main");
  const [slice] = useState(() => new Signal(0));
  const [cutsAt, setCutsAt] = useState<Partial<Record<PlaneName, number>>>({});
  const handles = useRef(new Map<string, PaneHandle>());
  /** Where each series was left, by plane. */
  const indices = useRef(new Map<string, number>());
  const beside = usePriorBeside(study, series, wanted === "prior");
  const planes = useMemo(() => cuts(series), [series]);

  const stackOf = (spec: Pick<PaneSpec, "study" | "series" | "plane">) => library.stack(spec.study.study_uid, spec.series, spec.plane);
  const noCuts = planes.length === 0 ? texts.noPlanes : stackOf({ study, series, plane: "acquired" }).slices.fits ? "" : texts.tooLarge;
  // A series that has no cuts is shown as it is, whatever was looked at before.
  const layout: Layout = wanted === "mpr" && noCuts ? "one" : wanted;
  const panes = panesOf(layout, study, series, marksShown, beside.choice, {
    ...titles,
    prior: (one) => texts.priorDate(one.started ? new Date(one.started).toLocaleDateString() : ""),
  });
  const here = panes.find(({ id }) => id === active) ?? panes.find(({ id }) => id === "main") ?? (panes[0] as PaneSpec);
  const count = stackOf(here).count;
  const view = () => handles.current.get(here.id)?.view ?? null;
  const shownUids = [...new Set(panes.map((spec) => spec.series.series_uid))].join("\n");
  useEffect(() => library.share(shownUids.split("\n")), [library, shownUids]);

  /** Where a pane begins: where the series was left, else in the middle. */
  const startOf = (spec: PaneSpec): number => indices.current.get(`${spec.series.series_uid}/${spec.plane}`) ?? middle(stackOf(spec).count);

  const change = (next: Layout, pane = next === "mpr" ? "axial" : "main") => {
    beside.reset();
    setWanted(next);
    setActive(pane);
  };

  /** Show a slice of a series of this study, wherever it is shown. */
  const goTo = (uid: string, at: number) => {
    const target = study.series.find((one) => one.series_uid === uid);
    if (!target) return;
    indices.current.set(`${uid}/acquired`, at);
    // In a cut through the slices a slice is a line: what lies along them shows it, the others stay.
    for (const plane of cuts(target)) {
      if (plane.through.of === 0) indices.current.set(`${uid}/${plane.name}`, shownAt(plane, target, [at, 0, 0])[0]);
    }
    if (uid !== seriesUid) {
      beside.reset();
      setSeriesUid(uid);
      setActive("main");
      return;
    }
    for (const { spec, view: shown } of handles.current.values()) {
      if (spec.series.series_uid !== uid || shown.stack?.plane.through.of !== 0) continue;
      shown.goTo(indices.current.get(`${uid}/${spec.plane}`) ?? at);
    }
  };

  /** Where a measurement was drawn, in the layout that shows it. */
  const goToMeasured = ({ plane, index }: Measured) => {
    indices.current.set(`${seriesUid}/${plane}`, index);
    const shown = [...handles.current.values()].find(({ spec }) => spec.series.series_uid === seriesUid && spec.plane === plane);
    if (shown) shown.view.goTo(index);
    else if (plane === "acquired") change("one");
    else change("mpr", plane);
  };

  /** The other panes go where the active one went. */
  const follow = (spec: PaneSpec, at: number) => {
    if (layout !== "ai" && layout !== "prior") return;
    for (const other of handles.current.values()) {
      if (other.spec.id === spec.id) continue;
      if (layout === "ai") other.view.goTo(at);
      else beside.follow(spec, at, other);
    }
  };

  const sliced = (spec: PaneSpec, at: number) => {
    indices.current.set(`${spec.series.series_uid}/${spec.plane}`, at);
    if (layout === "mpr") setCutsAt((before) => (before[spec.plane] === at ? before : { ...before, [spec.plane]: at }));
    if (spec.id !== here.id) return;
    slice.set(at);
    if (spec.study.study_uid === study.study_uid && spec.plane === "acquired") desk.set({ place: { seriesUid: spec.series.series_uid, slice: at } });
    follow(spec, at);
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

  const activate = (id: string) => {
    if (id === here.id) return;
    setActive(id);
    slice.set(handles.current.get(id)?.view.target ?? 0);
  };

  const onHandle = (id: string, handle: PaneHandle | null) => {
    if (!handle) return void handles.current.delete(id);
    handles.current.set(id, handle);
    const shown = handles.current.get(here.id);
    if (id !== here.id && shown) follow(shown.spec, shown.view.target);
  };

  // The same lines as before are the same object: a pane paints again only when its own have moved.
  const drawn = useRef(new Map<string, { key: string; lines: Line[] }>());
  const lines = (spec: PaneSpec): Line[] => {
    if (layout !== "mpr") return NO_LINES;
    const made = linesOf(spec, stackOf, cutsAt);
    const key = JSON.stringify(made);
    const known = drawn.current.get(spec.id);
    if (known?.key === key) return known.lines;
    drawn.current.set(spec.id, { key, lines: made });
    return made;
  };

  return {
    ...{ series, seriesUid: series.series_uid, layout, panes, here, count, slice, handles, indices, beside, noCuts },
    ...{ view, stackOf, startOf, change, goTo, goToMeasured, sliced, pick, activate, onHandle, lines },
  };
}

export type Staging = ReturnType<typeof useStage>;

/** Where a series was left, or its middle. */
export const leftAt = ({ indices }: Staging, study: StudyView, uid: string): number =>
  indices.current.get(`${uid}/acquired`) ?? middle(study.series.find((one) => one.series_uid === uid)?.slices ?? 1);
