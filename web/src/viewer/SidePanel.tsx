import type { SeriesView } from "../reading/queries";
import { useDesk, useDeskValue } from "../reading/desk";
import { Correction } from "./Correction";
import type { Marking } from "./useMarking";
import { Measurements } from "./Measurements";
import type { Correcting, Tool } from "./state";
import { drafts } from "./drafts";
import { Structures } from "./Structures";
import { texts } from "#texts/viewer";
import type { Correcter } from "./useCorrecting";
import type { Staging } from "./useStage";

interface Props {
  stage: Staging;
  marking: Marking;
  correcter: Correcter;
  correcting: Correcting | null;
  tool: Tool;
  onTool: (tool: Tool) => void;
}

const RADIOGRAPHS = new Set(["CR", "DX", "DR"]);

/** Beside the pictures: the correction that is open, the structures, the measurements. */
export function SidePanel({ stage, marking, correcter, correcting, tool, onTool }: Props) {
  const desk = useDesk();
  const analysisId = useDeskValue("analysisId");
  const { series, here } = stage;
  const { correction } = correcter;
  const spacing = stage.stackOf(here).spacing;
  return (
    <aside className="viewer-side" aria-label={texts.panel}>
      {correcting?.structure.mask && (
        <Correction
          key={correcting.structure.key}
          {...{ analysisId, correcting, tool, onTool }}
          original={correcting.structure.mask}
          version={correcting.editing.mask.version}
          radius={correction.radius}
          unit={spacing ? texts.mm : texts.px}
          range={correction.range}
          onRadius={correction.setRadius}
          onRange={correction.setRange}
          onUndo={() => correcter.back("undo")}
          onRedo={() => correcter.back("redo")}
          onDiscard={() => correcter.close(drafts.wasSent(correction.open) && !drafts.unsent(correction.open))}
          onStored={(key, version) => {
            drafts.markSent(key, version);
            desk.wish("changed", analysisId);
          }}
        />
      )}
      <Structures
        {...marking.marked}
        {...{ seriesUid: series.series_uid, hidden: marking.hidden, colours: marking.colours, style: marking.style, opacities: marking.opacities }}
        chosen={marking.chosen}
        hasAnalysis={analysisId !== ""}
        correcting={correction.open}
        edited={drafts.unsent.bind(drafts)}
        onShow={marking.show}
        onColour={marking.colour}
        onStyle={marking.restyle}
        onFade={marking.fade}
        onGo={marking.goTo}
        onCorrect={(structure) => (correction.open === structure.key ? correcter.close(true) : correcter.begin(structure))}
      />
      <Measurements series={series} radiograph={RADIOGRAPHS.has(series.modality)} caution={cautionOf(series, spacing)} onGo={stage.goToMeasured} />
    </aside>
  );
}

function cautionOf(series: SeriesView, spacing: readonly [number, number] | null): string {
  if (!spacing) return texts.noSpacing;
  return series.spacing_source === "ImagerPixelSpacing" ? texts.detector : "";
}
