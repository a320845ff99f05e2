/** The report by structure: what is said, outlined and measured of each. */

import type { Finding, MaskFacts, Measurement, Outcome, Report } from "./document";

export interface Structure {
  /** "" for sentences about no outlined or measured structure. */
  target: string;
  findings: Finding[];
  measurements: Measurement[];
  masks: MaskFacts[];
  /** The worst of its masks and sentences. */
  outcome: Outcome;
  /** The lowest that is known. */
  confidence: number | null;
}

const WORST: Outcome[] = ["reject", "review", "pass"];

/** What is critical first, then in the order in which the report names them; what belongs to none comes last. */
export function structuresOf(report: Report): Structure[] {
  const targets = [...new Set([...report.masks, ...report.measurements].map((one) => one.target).filter(Boolean))];
  const spoken = new Map(report.findings.map((finding) => [finding.id, aboutOf(finding.drafted || finding.text, targets)]));
  const order = [...new Set([...report.findings.map((finding) => spoken.get(finding.id) ?? ""), ...targets])];
  const critical = new Set(report.critical.map((row) => spoken.get(row.finding)));
  const rank = (target: string) => (critical.has(target) ? 0 : target === "" ? 2 : 1);
  return order
    .sort((a, b) => rank(a) - rank(b))
    .map((target) => {
      const findings = report.findings.filter((finding) => spoken.get(finding.id) === target);
      const masks = target ? report.masks.filter((mask) => mask.target === target) : [];
      const judged = [...masks.map((mask) => mask.outcome), ...findings.map((finding) => finding.qa)];
      const sure = [...masks, ...findings].map((one) => one.confidence).filter((one) => one !== null);
      return {
        target,
        findings,
        masks,
        measurements: target ? report.measurements.filter((one) => one.target === target) : [],
        outcome: WORST.find((one) => judged.includes(one)) ?? "pass",
        confidence: sure.length > 0 ? Math.min(...sure) : null,
      };
    });
}

const HEADING = /^([\p{L}][\p{L} -]{1,40}): /u;

/** As `targetOf`; else what the sentence itself names before its colon. */
function aboutOf(sentence: string, targets: readonly string[]): string {
  return targetOf(sentence, targets) || (HEADING.exec(sentence)?.[1]?.toLowerCase() ?? "");
}

/** The structure that a sentence is about: the one that it begins with, else the first and longest that it names. */
export function targetOf(sentence: string, targets: readonly string[]): string {
  const said = sentence.toLowerCase();
  const longer = [...targets].sort((a, b) => b.length - a.length);
  const begins = longer.find((target) => said.startsWith(target.toLowerCase()));
  if (begins) return begins;
  let best = "";
  let first = Infinity;
  for (const target of longer) {
    const at = said.search(new RegExp(`(?<![\\p{L}\\p{N}])${escape(target.toLowerCase())}(?![\\p{L}\\p{N}])`, "u"));
    if (at >= 0 && at < first) [best, first] = [target, at];
  }
  return best;
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
