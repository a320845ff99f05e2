import { useEffect, useState, useSyncExternalStore } from "react";
import { drafts } from "./drafts";
import { Editing } from "./engine/brush";
import type { Stack } from "./engine/stack";
import type { Structure } from "./marks";
import type { Correcting } from "./state";

/** Masks that the reader changed, and the one that is being changed. */
export function useCorrection() {
  const edits = useSyncExternalStore(drafts.watch, drafts.now);
  const [open, setOpen] = useState("");
  const [radius, setRadius] = useState(8);
  const [range, setRange] = useState<readonly [number, number]>([0, 100]);
  useEffect(() => () => drafts.tidy(), []);

  const begin = (structure: Structure, stack: Stack, index: number) => {
    const { mask } = structure;
    if (!mask) return;
    drafts.begin(structure.key, () => new Editing(mask.copy(), stack));
    setRange(valuesOf(structure, stack, index));
    setOpen(structure.key);
  };
  const close = (keep: boolean) => {
    if (!keep) drafts.drop(open);
    setOpen("");
  };
  const correcting = (structures: readonly Structure[]): Correcting | null => {
    const [structure, editing] = [structures.find(({ key }) => key === open), edits.get(open)];
    return structure && editing ? { structure, editing } : null;
  };
  return { edits, open, radius, range, setRadius, setRange, begin, close, correcting };
}

/** Mean ± 2 SD of what the mask holds in a slice: what the threshold brush takes to begin with. */
function valuesOf({ mask }: Structure, stack: Stack, index: number): readonly [number, number] {
  const slice = mask?.has(index) ? index : (mask?.largest() ?? index);
  const [bits, values] = [mask?.slice(slice), stack.slices.now(slice)];
  let [count, sum, squares] = [0, 0, 0];
  bits?.forEach((bit, at) => {
    const value = values?.[at];
    if (!bit || value === undefined) return;
    count += 1;
    sum += value;
    squares += value * value;
  });
  if (count === 0) return [stack.series.display_window?.[0] ?? 0, stack.series.display_window?.[1] ?? 100];
  const mean = sum / count;
  const sd = Math.sqrt(Math.max(0, squares / count - mean * mean));
  return [Math.round(mean - 2 * sd), Math.round(mean + 2 * sd)];
}
