/** What the reader chose, and the places (panes) that show pictures. */

import type { ToolName } from "./engine/cornerstone";
import type { BrushKind, Editing } from "./engine/brush";
import type { PlaneName } from "./engine/plane";
import type { SeriesView, StudyView } from "../reading/queries";
import type { View } from "./engine/view";
import type { Structure } from "./marks";

export type Layout = "one" | "prior" | "ai" | "mpr";
export type Tool = ToolName | BrushKind;
export const BRUSHES: readonly BrushKind[] = ["brush", "eraser", "threshold"];
export const isBrush = (tool: Tool): tool is BrushKind => (BRUSHES as readonly string[]).includes(tool);

/** One place for pictures. */
export interface PaneSpec {
  id: string;
  study: StudyView;
  series: SeriesView;
  plane: PlaneName;
  marks: boolean;
  title: string;
}

/** A pane as the others reach it. */
export interface PaneHandle {
  spec: PaneSpec;
  view: View;
}

export interface MarkStyle {
  fill: boolean;
  outline: boolean;
  opacity: number;
}

/** A structure that is being corrected. */
export interface Correcting {
  structure: Structure;
  editing: Editing;
}

/** Panes of a layout. */
export function panesOf(layout: Layout, study: StudyView, series: SeriesView, marksShown: boolean, prior: PriorChoice | null, titles: Titles): PaneSpec[] {
  const own = { study, series, plane: "acquired" as const, marks: marksShown, title: "" };
  switch (layout) {
    case "one":
      return [{ ...own, id: "main" }];
    case "ai":
      return [
        { ...own, id: "off", marks: false, title: titles.aiOff },
        { ...own, id: "main", marks: true, title: titles.aiOn },
      ];
    case "mpr":
      return (["axial", "coronal", "sagittal"] as const).map((plane) => ({ ...own, id: plane, plane, title: titles.planes[plane] }));
    case "prior":
      if (!prior) return [{ ...own, id: "main" }];
      return [
        { ...own, id: "main", title: titles.current },
        { id: "prior", study: prior.study, series: prior.series, plane: "acquired", marks: false, title: titles.prior(prior.study) },
      ];
  }
}

export interface PriorChoice {
  study: StudyView;
  series: SeriesView;
}

interface Titles {
  aiOff: string;
  aiOn: string;
  current: string;
  prior: (study: StudyView) => string;
  planes: Record<"axial" | "coronal" | "sagittal", string>;
}
