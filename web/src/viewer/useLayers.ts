import { useMemo } from "react";
import type { Edits } from "./drafts";
import type { Layer } from "./engine/painter";
import type { Colour } from "./engine/pictures";
import type { Structure } from "./marks";
import type { MarkStyle } from "./state";

export const NO_LAYERS: Layer[] = [];

/** Layers of a series, the same object as long as nothing of it changes. */
export function useLayers(
  structures: readonly Structure[],
  edits: Edits,
  hidden: ReadonlySet<string>,
  colours: ReadonlyMap<string, Colour>,
  style: MarkStyle,
  opacities: ReadonlyMap<string, number>,
): (seriesUid: string) => Layer[] {
  return useMemo(() => {
    const found = new Map<string, Layer[]>();
    // Large structures first, so that what lies in them is seen.
    for (const { key, seriesUid, mask, uncertain, colour } of [...structures].sort((a, b) => b.voxels - a.voxels)) {
      if (!mask || hidden.has(key)) continue;
      const edited = edits.get(key)?.mask;
      const own = { colour: colours.get(key) ?? colour, opacity: opacities.get(key) ?? style.opacity };
      const layer: Layer = { mask: edited ?? mask, uncertain: edited ? null : uncertain, ...style, ...own };
      found.set(seriesUid, [...(found.get(seriesUid) ?? []), layer]);
    }
    return (seriesUid) => found.get(seriesUid) ?? NO_LAYERS;
  }, [structures, edits, hidden, colours, style, opacities]);
}
