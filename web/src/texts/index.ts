/** The catalogue of the language in use. Each room has its own part beside it, in `texts.ts`. */

import { en } from "./en";

export const t = en;

/** Put values into a text: `fill("{n} of {all}", { n: 1, all: 3 })`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
