/** What a reviewer wrote and the server does not have yet, as data: what to send, and whether somebody was in between. */

import type { Schemas } from "../api/client";
import type { Report } from "./document";

/** Text that differs from the server's; a field that is not there is as the server says. */
export interface Own {
  summary?: string;
  /** By finding id. */
  sentences: Record<string, string>;
}

export const NOTHING: Own = { sentences: {} };

/** What may still be written; after that only addenda. */
export const EDITABLE: readonly string[] = ["draft", "partial", "in_review"];

/** The request for what is one's own; null where nothing differs, or a sentence is empty, which the server refuses. */
export function requestOf(own: Own, report: Report): Schemas["ReviewBody"] | null {
  const edits: Schemas["SentenceEdit"][] = [];
  let summary = own.summary ?? report.summary;
  for (const finding of report.findings) {
    const written = own.sentences[finding.id]?.replace(/\s+/g, " ").trim();
    if (!written || written === finding.text) continue;
    edits.push({ finding_id: finding.id, text: written });
    // An impression that says the sentence word by word follows it; another is the reviewer's to correct.
    if (own.summary === undefined) summary = summary.replace(finding.text, () => written);
  }
  if (edits.length === 0 && summary.trim() === report.summary.trim()) return null;
  return { action: report.status === "in_review" ? "edit" : "start", reason: "", edits, summary };
}

/** What is left to save after `sent` was: what was written on, and what the server shortened at its ends. */
export function rest(own: Own, sent: Own, saved: Report): Own {
  const sentences = Object.fromEntries(
    Object.entries(own.sentences).filter(([id, text]) => sent.sentences[id] !== text || isBlank(text)),
  );
  if (own.summary === undefined || own.summary === saved.summary) return { sentences };
  return { summary: own.summary, sentences };
}

const isBlank = (text: string) => text.trim() === "";

/** Whether a sentence was emptied: the server keeps none like that, so the reviewer has to write or to take it back. */
export const hasBlank = (own: Own) => Object.values(own.sentences).some(isBlank);

export const isNothing = (own: Own) => own.summary === undefined && Object.keys(own.sentences).length === 0;

/** Whether what came meanwhile lies beside what was written: then both stand, and nobody need be asked. */
export function lieBeside(own: Own, base: Report, latest: Report): boolean {
  if (!EDITABLE.includes(latest.status)) return false;
  const texts = (report: Report) => new Map(report.findings.map((finding) => [finding.id, finding.text]));
  const [then, now] = [texts(base), texts(latest)];
  const sentencesStand = Object.keys(own.sentences).every((id) => then.get(id) === now.get(id));
  return sentencesStand && base.summary === latest.summary;
}
