import type { StudyView } from "../reading/queries";
import type { Box, Layer } from "./engine/painter";
import { Pane } from "./Pane";
import { SliceSlider } from "./SliceSlider";
import type { Tool } from "./state";
import { texts } from "#texts/viewer";
import type { BrushSettings } from "./useBrush";
import { NO_LAYERS } from "./useLayers";
import type { Staging } from "./useStage";
import type { Windows } from "./useWindows";

interface Props {
  study: StudyView;
  stage: Staging;
  windows: Windows;
  tool: Tool;
  inverted: boolean;
  marksShown: boolean;
  layersOf: (seriesUid: string) => Layer[];
  boxes: ReadonlyMap<string, Box[]>;
  brush: Omit<BrushSettings, "kind"> | null;
}

const NO_BOXES: Box[] = [];

/** The panes of the layout, and the slider of the one that is worked in. */
export function Stage({ study, stage, windows, tool, inverted, marksShown, layersOf, boxes, brush }: Props) {
  const { layout, panes, here, count, beside } = stage;
  return (
    <div className="stage">
      <div className={`panes ${layout}`}>
        {panes.map((spec) => {
          const marked = spec.marks && spec.study === study;
          return (
            <Pane
              key={`${layout}-${spec.id}`}
              spec={spec}
              stack={stage.stackOf(spec)}
              start={() => stage.startOf(spec)}
              window={windows.of(spec.series)}
              inverted={inverted}
              tool={tool}
              layers={marked ? layersOf(spec.series.series_uid) : NO_LAYERS}
              boxes={(marked && boxes.get(spec.series.series_uid)) || NO_BOXES}
              lines={stage.lines(spec)}
              brush={spec.id === "main" ? brush : null}
              active={spec.id === here.id && panes.length > 1}
              link={spec.id === "prior" ? beside.said : spec.id === "main" && !marksShown ? texts.aiOff : ""}
              onActive={() => stage.activate(spec.id)}
              onHandle={(handle) => stage.onHandle(spec.id, handle)}
              onSlice={(at) => stage.sliced(spec, at)}
              onWindow={(next) => windows.dragged(spec.series, next, spec.id)}
              onPick={(pixel) => stage.pick(spec, pixel)}
            />
          );
        })}
      </div>
      {count > 1 && <SliceSlider slice={stage.slice} count={count} onGo={(at) => stage.view()?.goTo(at)} />}
    </div>
  );
}
