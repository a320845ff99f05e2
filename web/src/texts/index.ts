/** The frame's part of the catalogue. All parts lie in a folder a language; `#texts/` is the one that is built. */

import { texts } from "#texts/shell";

export const t = texts;

/** Put values into a text: `fill("{n} of {all}", { n: 1, all: 3 })`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
