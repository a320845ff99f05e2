/** Numbers of an answer that lead to the image. */

export interface Source {
  /** Id of the mask. */
  id: string;
  /** What it outlines, as the answer names it. */
  target: string;
}

const NUMBER = /(?<![\w.])[-−]?\d+(?:\.\d+)?(?: ?× ?\d+(?:\.\d+)?)* ?(?:mm²|mm2|cm²|cm2|mm|cm|mL|ml|HU)(?![\w²])/g;

/**
 * The text with each measured number as a link to the mask that it was measured on.
 *
 * A number belongs to the structure that its line names; where a line names none, or several with different masks
 * before the number, the one named last before it.
 */
export function linked(text: string, sources: Source[], prefix: string): string {
  if (sources.length === 0) return text;
  // A longer name first: "liver lesion" is not the liver.
  const byLength = [...sources].sort((a, b) => b.target.length - a.target.length);
  return text
    .split("\n")
    .map((line) => line.replace(NUMBER, (number, at: number) => {
      const source = named(line.slice(0, at).toLowerCase(), byLength);
      return source ? `[${number}](${prefix}${source.id})` : number;
    }))
    .join("\n");
}

function named(before: string, sources: Source[]): Source | undefined {
  let best: Source | undefined;
  let end = -1;
  for (const source of sources) {
    const at = before.lastIndexOf(source.target.toLowerCase());
    if (at >= 0 && at + source.target.length > end) {
      best = source;
      end = at + source.target.length;
    }
  }
  return best;
}
