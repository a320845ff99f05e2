import { texts } from "#texts/viewer";

/** "slices 4–7, 9" from 0-based slices; readers count from 1. */
export function spokenSlices(slices: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < slices.length; at += 1) {
    const first = slices[at] ?? 0;
    while (slices[at + 1] === (slices[at] ?? 0) + 1) at += 1;
    const last = slices[at] ?? 0;
    parts.push(first === last ? `${first + 1}` : `${first + 1}–${last + 1}`);
  }
  return texts.sliceList(parts.join(", "), slices.length);
}
