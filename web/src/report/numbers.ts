/** Numbers of a sentence, each with the outline that it was measured on. */

import type { Measurement, Report } from "./document";
import { targetOf } from "./structures";

export interface Piece {
  text: string;
  /** Id of the mask that a number leads to; "" for plain text. */
  maskId: string;
}

const NUMBER = /(?<![\p{L}\p{N}.,-])-?\d+(?:[.,]\d+)?(?: ?(?:mm²|mm2|mm³|cm²|cm³|cm|mm|mL|ml|HU|%|pixels|voxels)(?![\p{L}\p{N}]))?/gu;

/**
 * A sentence in pieces. A number leads to the mask of the measurement whose value it is; one with a unit that is no
 * value of the run leads to the structure that the sentence is about. A score or a date leads nowhere.
 */
export function piecesOf(sentence: string, report: Report): Piece[] {
  const shown = new Set(report.masks.filter((mask) => mask.outcome !== "reject").map((mask) => mask.id));
  const own = targetOf(sentence, [...new Set(report.masks.map((mask) => mask.target))]);
  const measured = report.measurements.filter((one) => one.value !== null && shown.has(one.maskId));
  const about = report.masks.find((mask) => mask.target === own && shown.has(mask.id))?.id ?? "";
  const pieces: Piece[] = [];
  let done = 0;
  for (const found of sentence.matchAll(NUMBER)) {
    const maskId = maskOf(found[0], own, measured, about);
    if (!maskId) continue;
    if (found.index > done) pieces.push({ text: sentence.slice(done, found.index), maskId: "" });
    pieces.push({ text: found[0], maskId });
    done = found.index + found[0].length;
  }
  if (done < sentence.length) pieces.push({ text: sentence.slice(done), maskId: "" });
  return pieces;
}

function maskOf(written: string, own: string, measured: Measurement[], about: string): string {
  const digits = (/^-?[\d.,]+/.exec(written)?.[0] ?? "").replace(",", ".");
  const unit = written.slice(digits.length).trim();
  const said = Number(digits);
  const decimals = digits.split(".")[1]?.length ?? 0;
  // Half a unit of the last place that is written; four digits are all that a report writes.
  const near = (value: number) =>
    Math.abs(value - said) <= 0.5 * 10 ** -decimals + 1e-9 || (Math.abs(said) >= 1000 && Math.abs(value - said) < Math.abs(said) * 5e-4);
  const same = measured.filter((one) => near(one.value ?? NaN) && (unit !== "" || decimals > 0 || Math.abs(said) >= 20));
  const best = same.find((one) => one.target === own) ?? (own ? undefined : same[0]);
  if (best) return best.maskId;
  return unit && unit !== "%" ? about : "";
}

const UNITS: Record<string, string> = { "[hnsf'U]": "HU", mm2: "mm²", mm3: "mm³", "1": "", "{voxels}": "voxels" };

/** A value for a reader: as many digits as a report writes, and the unit in the words of the field. */
export function valueText(one: Measurement): string {
  if (one.value === null) return "–";
  const digits = Math.abs(one.value) >= 1000 ? one.value.toFixed(0) : String(Number(one.value.toPrecision(4)));
  const unit = one.name === "voxel_count" ? "px" : (UNITS[one.unit] ?? one.unit);
  return unit ? `${digits} ${unit}` : digits;
}
