/** The report document as the room reads it: a field that is not there is empty, and nothing is believed to be text that is none. */

import type { AnalysisDocument } from "../reading/queries";

export type Outcome = "pass" | "review" | "reject";

export interface Finding {
  id: string;
  text: string;
  evidence: string[];
  confidence: number | null;
  qa: Outcome;
  /** What the run drafted, where a reviewer corrected it; else "". */
  drafted: string;
  editedBy: string;
  editedAt: string;
}

export interface Measurement {
  name: string;
  target: string;
  value: number | null;
  unit: string;
  method: string;
  seriesUid: string;
  source: string;
  maskId: string;
  stepId: string;
}

export interface MaskFacts {
  id: string;
  target: string;
  seriesUid: string;
  stepId: string;
  model: string;
  outcome: Outcome;
  reasons: string[];
  confidence: number | null;
}

/** How a structure was asked for: the words that the model got, the grey window, and why these. */
export interface PromptFacts {
  target: string;
  seriesUid: string;
  text: string;
  window: string;
  reason: string;
}

export interface StepFacts {
  id: string;
  agent: string;
  tool: string;
  model: string;
  seconds: number | null;
  ok: boolean;
  error: string;
}

export interface CriticalRow {
  finding: string;
  rule: string;
  name: string;
  urgency: string;
  minutes: number;
  note: string;
  source: string;
}

export interface Report {
  analysisId: string;
  studyUid: string;
  status: string;
  created: string;
  summary: string;
  draftedSummary: string;
  findings: Finding[];
  measurements: Measurement[];
  masks: MaskFacts[];
  prompts: PromptFacts[];
  steps: StepFacts[];
  critical: CriticalRow[];
  unanswered: string[];
  warnings: string[];
}

export function reportOf(document: AnalysisDocument): Report {
  const loose = document as Record<string, unknown>;
  const summary = text(loose.summary);
  return {
    analysisId: document.analysis_id,
    studyUid: document.study_uid,
    status: document.status,
    created: text(loose.created),
    summary,
    draftedSummary: typeof loose.drafted_summary === "string" ? loose.drafted_summary : summary,
    findings: document.findings.map((row) => ({
      id: text(row.id),
      text: text(row.text),
      evidence: texts(row.evidence),
      confidence: number(row.confidence),
      qa: outcome(row.qa),
      drafted: text(row.drafted),
      editedBy: text(row.edited_by),
      editedAt: text(row.edited_at),
    })),
    measurements: document.measurements.map((row) => ({
      name: text(row.name),
      target: text(row.target),
      value: number(row.value),
      unit: text(row.unit),
      method: text(row.method),
      seriesUid: text(row.series_uid),
      source: text(row.source),
      maskId: text(row.mask_id),
      stepId: text(row.step_id),
    })),
    masks: document.masks.map((row) => {
      const qa = record(row.qa);
      return {
        id: text(row.id),
        target: text(row.target),
        seriesUid: text(row.series_uid),
        stepId: text(row.step_id),
        model: text(row.model),
        outcome: outcome(qa.outcome),
        reasons: texts(qa.reasons),
        confidence: number(qa.confidence),
      };
    }),
    prompts: rows(loose.prompts).map((row) => ({
      target: text(row.target),
      seriesUid: text(row.series_uid),
      text: text(row.text),
      window: text(row.window),
      reason: text(row.reason),
    })),
    steps: document.steps.map((row) => ({
      id: text(row.id),
      agent: text(row.agent),
      tool: text(row.tool),
      model: text(row.model),
      seconds: number(row.seconds),
      ok: row.ok === true,
      error: text(row.error),
    })),
    critical: rows(loose.critical).map((row) => ({
      finding: text(row.finding),
      rule: text(row.rule),
      name: text(row.name),
      urgency: text(row.urgency),
      minutes: number(row.minutes) ?? 0,
      note: text(row.note),
      source: text(row.source),
    })),
    unanswered: texts(loose.unanswered),
    warnings: document.warnings,
  };
}

/** How the outlines of a step were asked for. A reason ends with its step where a run asked more than once. */
export function promptsOf(report: Report, stepId: string): PromptFacts[] {
  const masks = report.masks.filter((mask) => mask.stepId === stepId);
  const asked = report.prompts.filter((prompt) => masks.some((mask) => mask.target === prompt.target && mask.seriesUid === prompt.seriesUid));
  const own = asked.filter((prompt) => prompt.reason.endsWith(`(${stepId})`));
  return own.length > 0 ? own : asked;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const rows = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.map(record) : []);
const outcome = (value: unknown): Outcome => (value === "pass" || value === "reject" ? value : "review");
