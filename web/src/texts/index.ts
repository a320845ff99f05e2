/** The catalogue of the language in use. Rooms add their own part in `texts/<room>.ts`. */

import { en } from "./en";

export const t = en;

/** Put values into a text: `fill("{n} of {all}", { n: 1, all: 3 })`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
