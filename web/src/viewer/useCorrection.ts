import { useState } from "react";
import { Editing } from "./engine/brush";
import type { Stack } from "./engine/stack";
import type { Structure } from "./marks";
import type { Correcting } from "./state";

/** Masks that the reader changed in this sitting, and the one that is being changed. */
export function useCorrection() {
  const [edits, setEdits] = useState<ReadonlyMap<string, Editing>>(new Map());
  const [stored, setStored] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState("");
  const [strokes, setStrokes] = useState(0);
  const [radius, setRadius] = useState(8);
  const [range, setRange] = useState<readonly [number, number]>([0, 100]);

  const begin = (structure: Structure, stack: Stack, index: number) => {
    if (!structure.mask) return;
    if (!edits.has(structure.id)) setEdits(new Map(edits).set(structure.id, new Editing(structure.mask.copy(), stack)));
    setRange(valuesOf(structure, stack, index));
    setOpen(structure.id);
  };
  const discard = (id: string, keep: boolean) => {
    if (!keep) {
      const rest = new Map(edits);
      rest.delete(id);
      setEdits(rest);
    }
    setOpen("");
  };
  const stroke = () => {
    setStrokes((count) => count + 1);
    setStored((before) => (before.has(open) ? new Set([...before].filter((id) => id !== open)) : before));
  };
  const correcting = (structures: readonly Structure[]): Correcting | null => {
    const [structure, editing] = [structures.find(({ id }) => id === open), edits.get(open)];
    return structure && editing ? { structure, editing } : null;
  };
  const markStored = (id: string) => setStored((before) => new Set(before).add(id));
  return { edits, stored, open, strokes, radius, range, setRadius, setRange, begin, discard, stroke, correcting, markStored };
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
