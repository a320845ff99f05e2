import { useRef, useState } from "react";
import type { SeriesView } from "../reading/queries";
import type { Stack } from "./engine/stack";
import { autoWindow, ctWindow, firstPreset, HOUNSFIELD, type Preset, type Window } from "./engine/windows";
import type { PaneHandle } from "./state";

/** Series whose values mean the same share a window: a prior CT is looked at as the current one. */
const groupOf = (series: SeriesView) => (series.value_unit === HOUNSFIELD ? HOUNSFIELD : series.series_uid);

/** The window of each series: preset or the reader's own, the same in all panes that show it. */
export function useWindows(panes: () => Iterable<PaneHandle>) {
  const windows = useRef(new Map<string, Window>());
  const [names, setNames] = useState<ReadonlyMap<string, Preset | "own">>(new Map());
  const setting = useRef(false);

  const put = (series: SeriesView, window: Window, from?: string) => {
    windows.current.set(groupOf(series), window);
    if (setting.current) return;
    setting.current = true;
    for (const { spec, view } of panes()) {
      if (spec.id !== from && groupOf(spec.series) === groupOf(series)) view.window(window);
    }
    setting.current = false;
  };
  const rename = (series: SeriesView, name: Preset | "own") =>
    setNames((before) => (before.get(groupOf(series)) === name ? before : new Map(before).set(groupOf(series), name)));

  return {
    of: (series: SeriesView): Window | null => windows.current.get(groupOf(series)) ?? first(series),
    nameOf: (series: SeriesView): Preset | "own" => names.get(groupOf(series)) ?? firstPreset(series),
    /** The reader dragged in one pane: the others follow. */
    dragged: (series: SeriesView, window: Window, pane: string) => {
      if (setting.current) return;
      const before = windows.current.get(groupOf(series)) ?? first(series);
      if (before && Math.abs(before.low - window.low) + Math.abs(before.high - window.high) < 1e-3 * (window.high - window.low)) return;
      put(series, window, pane);
      rename(series, "own");
    },
    choose: (series: SeriesView, preset: Preset, stack: Stack, index: number) => {
      const values = preset === "auto" ? stack.slices.now(stack.plane.through.of === 0 ? index : 0) : null;
      const window = preset === "default" ? stored(series) : preset === "auto" ? values && autoWindow(values) : ctWindow(preset);
      if (!window) return;
      put(series, window);
      rename(series, preset);
    },
  };
}

function first(series: SeriesView): Window | null {
  const preset = firstPreset(series);
  return preset === "softTissue" || preset === "brain" || preset === "lung" ? ctWindow(preset) : stored(series);
}

function stored(series: SeriesView): Window | null {
  const [low, high] = series.display_window ?? [];
  return low !== undefined && high !== undefined ? { low, high } : null;
}

export type Windows = ReturnType<typeof useWindows>;
