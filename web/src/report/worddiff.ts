/** Two texts word by word: what stayed, what went, what came (longest common subsequence). */

export type Change = "same" | "gone" | "new";

export interface Part {
  change: Change;
  text: string;
}

/** Beyond so many cells a table costs more than it tells: what lies between the equal ends is shown as replaced. */
const MOST_CELLS = 4_000_000;

/** The way from one text to another. Parts of "same" and "new" make the later text, "same" and "gone" the earlier. */
export function wordDiff(before: string, after: string): Part[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const parts: Part[] = [];
  put(parts, "same", a.slice(0, start));
  middle(parts, a.slice(start, a.length - end), b.slice(start, b.length - end));
  put(parts, "same", a.slice(a.length - end));
  return parts;
}

/** Words and what is between them, so that nothing is lost. */
export function words(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}]+(?:[.,:'’-][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu) ?? [];
}

function middle(parts: Part[], a: string[], b: string[]): void {
  if (a.length * b.length > MOST_CELLS || a.length === 0 || b.length === 0) {
    put(parts, "gone", a);
    put(parts, "new", b);
    return;
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j] ? at(longest, (i + 1) * width + j + 1) + 1 : Math.max(at(longest, (i + 1) * width + j), at(longest, i * width + j + 1));
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      put(parts, "same", [a[i++] as string]);
      j++;
    } else if (at(longest, (i + 1) * width + j) >= at(longest, i * width + j + 1)) put(parts, "gone", [a[i++] as string]);
    else put(parts, "new", [b[j++] as string]);
  }
  put(parts, "gone", a.slice(i));
  put(parts, "new", b.slice(j));
}

const at = (table: Uint16Array, index: number) => table[index] ?? 0;

function put(parts: Part[], change: Change, found: string[]): void {
  if (found.length === 0) return;
  const last = parts.at(-1);
  if (last?.change === change) last.text += found.join("");
  else parts.push({ change, text: found.join("") });
}
