/** What needs a reader's eye before signing, most urgent first. */

import type { Schemas } from "../api/client";
import { UNSURE } from "../reading/confidence";
import type { CriticalRow, Report } from "./document";
import { structuresOf } from "./structures";

type History = Schemas["HistoryView"];
export type EyeKind = "critical" | "disagreement" | "rejected" | "unsure" | "corrected" | "review" | "impression" | "opinion" | "unanswered";

export interface EyeItem {
  kind: EyeKind;
  /** What it is about, in words of the report. */
  about: string;
  detail: string;
  /** Where it is: one of these, or neither. */
  maskId: string;
  findingId: string;
  confidence: number | null;
}

const ORDER: EyeKind[] = ["critical", "disagreement", "rejected", "unsure", "corrected", "review", "impression", "opinion", "unanswered"];

/** Rows of critical findings that no act of the attending has settled. */
export function untold(report: Report, told: History["communications"]): CriticalRow[] {
  const settled = new Set(told.filter((act) => act.kind !== "acknowledged").map((act) => `${act.finding}/${act.rule}`));
  return report.critical.filter((row) => !settled.has(`${row.finding}/${row.rule}`));
}

/** Everything that is open; of one kind the least sure first. */
export function eyeItems(report: Report, history: History | undefined): EyeItem[] {
  const items: EyeItem[] = [];
  const put = (kind: EyeKind, about: string, detail: string, rest: Partial<EyeItem> = {}) =>
    items.push({ kind, about, detail, maskId: "", findingId: "", confidence: null, ...rest });
  for (const row of untold(report, history?.communications ?? [])) put("critical", row.name, row.note, { findingId: row.finding });
  for (const opinion of history?.opinions ?? []) {
    if (opinion.kind !== "second_opinion") continue;
    if (opinion.agreement === null) put("opinion", opinion.asked_of, opinion.question);
    else if (opinion.agreement === "major_disagreement") put("disagreement", opinion.answered_as || opinion.answered_by, opinion.comment);
  }
  for (const structure of structuresOf(report)) {
    if (structure.outcome === "pass" && (structure.confidence ?? 1) >= UNSURE) continue;
    const finding = structure.findings[0];
    if (structure.findings.length > 0 && structure.findings.every((one) => one.editedBy)) continue; // somebody has looked
    const mask = structure.masks.find((one) => one.outcome === structure.outcome) ?? structure.masks[0];
    const unsure = structure.confidence !== null && structure.confidence < UNSURE;
    const kind = structure.outcome === "reject" ? "rejected" : unsure ? "unsure" : "review";
    put(kind, structure.target || (finding?.text ?? ""), mask?.reasons[0] ?? "", {
      maskId: mask?.outcome === "reject" ? "" : (mask?.id ?? ""),
      findingId: finding?.id ?? "",
      confidence: structure.confidence,
    });
  }
  for (const target of new Set((history?.feedback ?? []).filter((one) => one.kind === "mask_correction").map((one) => one.target)))
    put("corrected", target, "", { maskId: structuresOf(report).find((one) => one.target === target)?.masks[0]?.id ?? "" });
  for (const finding of report.findings)
    if (finding.drafted && finding.drafted !== finding.text && report.summary.includes(finding.drafted))
      put("impression", finding.text, "", { findingId: finding.id });
  for (const question of report.unanswered) {
    const [about = "", ...why] = question.split(": ");
    put("unanswered", about, why.join(": "));
  }
  const rank = (item: EyeItem) => ORDER.indexOf(item.kind);
  return items.sort((a, b) => rank(a) - rank(b) || (a.confidence ?? 1) - (b.confidence ?? 1));
}
