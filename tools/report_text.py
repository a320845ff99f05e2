"""What a report says, in order, before it is Markdown or PDF: sections of lines and tables, all of it plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.analysis import Analysis
from domain.finding import Measurement
from domain.mask import Mask
from tools.overlay import size_text
from tools.report_document import all_warnings

TITLE = "MedImage Orchestrator – draft report"
NOTICE = "DRAFT FOR RESEARCH USE – NOT REVIEWED BY A PHYSICIAN"


@dataclass(frozen=True)
class Table:
    """A heading row and rows of equal length."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading with lines or a table under it; `empty` is said when there is neither."""

    heading: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    empty: str = ""


def report_sections(analysis: Analysis, warnings: Sequence[str] = ()) -> tuple[Section, ...]:
    """The report of an analysis, top to bottom."""
    return (
        *([Section("Tell at once", tuple(_critical(analysis)))] if analysis.critical else []),
        Section("Examination", table=Table(("Field", "Value"), _examination(analysis))),
        Section("Impression", tuple(analysis.summary.splitlines()), empty="No statement could be made."),
        Section("Findings", tuple(_findings(analysis)), empty="No finding is supported by a step of this analysis."),
        Section("Measurements", table=_measurements(analysis.measurements), empty="Nothing was measured."),
        *([Section("Change", table=_changes(analysis))] if analysis.changes else []),
        Section("Quality assurance", table=_quality(analysis), empty="There was no mask to judge."),
        Section("Not answered", analysis.unanswered, empty="Every question that was asked has been tried."),
        Section("Warnings", all_warnings(analysis, warnings), empty="None."),
        Section(
            "Files not used",
            table=_table(("File", "Reason"), [(r.file, f"{r.reason} {r.remedy}".strip()) for r in analysis.refused]),
            empty="Every file was used.",
        ),
        Section("Prompts", table=_prompts(analysis), empty="No prompt was sent."),
        *([Section("Further tries", table=_refinements(analysis))] if analysis.refinements else []),
        Section("Models", table=_models(analysis), empty="No model was used."),
        Section("Steps", table=_steps(analysis), empty="No step was recorded."),
    )


def _critical(analysis: Analysis) -> Iterator[str]:
    """What must be told, to whom reads first."""
    for row in analysis.critical:
        when = f"tell within {row['minutes']} min ({row['urgency']})"
        yield f"{row['name']}: {when}; finding {row['finding']}; {row['source']}"


def _changes(analysis: Analysis) -> Table | None:
    rows = [
        (
            c.target,
            c.name.replace("_", " "),
            "–" if c.before is None else f"{c.before:.4g} {c.unit} ({c.prior})",
            "–" if c.now is None else f"{c.now:.4g} {c.unit}",
            c.state if c.percent is None else f"{c.state} ({c.percent:+.0f} %)",
            c.how,
        )
        for c in analysis.changes
    ]
    return _table(("Target", "Measurement", "Before", "Now", "Change", "How compared"), rows)


def _refinements(analysis: Analysis) -> Table | None:
    rows = [
        (
            r.target,
            r.change,
            r.before,
            r.after,
            f"{r.outcome_before} → {r.outcome_after}",
            "kept" if r.kept else f"kept beside, {r.beside}" if r.beside else "not kept",
        )
        for r in analysis.refinements
    ]
    return _table(("Target", "Changed", "From", "To", "QA", "Result"), rows)


def visible(text: str) -> str:
    """Text on one line, without control and direction-changing characters."""
    spaced = " ".join(text.split())
    if spaced.isascii() and spaced.isprintable():
        return spaced
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cs", "Cn"})


def rounded(value: float) -> str:
    """A number for a reader: four significant digits, whole above 1000."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table | None:
    return Table(columns, tuple(rows)) if rows else None


def _examination(analysis: Analysis) -> tuple[tuple[str, str], ...]:
    study, patient = analysis.study, analysis.study.patient
    rows = {
        "Patient": patient.name.replace("^", " ").strip(),
        "Patient ID": patient.patient_id,
        "Birth date": patient.birth_date.isoformat() if patient.birth_date else "",
        "Sex": patient.sex,
        "Study date": _date(study.started),
        "Accession number": study.accession_number or analysis.order.accession_number,
        "Study UID": study.study_uid,
        "Modality": ", ".join(dict.fromkeys(s.modality for s in study.series if s.modality)),
        "Body part": ", ".join(dict.fromkeys(s.body_part for s in study.series if s.body_part)),
        "Indication": analysis.order.indication,
        "Priority": str(analysis.order.priority),
        "Analysis": analysis.analysis_id,
        "Status": str(analysis.status) + (", needs review" if analysis.needs_review else ""),
        "Planner": analysis.planner,
        "Written": _date(analysis.created),
    }
    return tuple((name, value or "not stated") for name, value in rows.items())


def _date(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.strftime("%Y-%m-%d %H:%M UTC" if moment.tzinfo else "%Y-%m-%d %H:%M")


def _findings(analysis: Analysis) -> list[str]:
    lines = []
    for finding in analysis.findings:
        confidence = f", confidence {finding.confidence:.2f}" if finding.confidence is not None else ""
        evidence = ", ".join(finding.evidence)
        lines.append(f"{finding.text} (evidence: {evidence}; quality: {finding.quality}{confidence})")
    return lines


def _measurements(measurements: Sequence[Measurement]) -> Table | None:
    rows = [
        (m.target, m.name.replace("_", " "), rounded(m.value), str(m.unit), m.method, m.source) for m in measurements
    ]
    return _table(("Target", "Measurement", "Value", "Unit (UCUM)", "Method", "Source"), rows)


def _quality(analysis: Analysis) -> Table | None:
    rows = [_judged(m, analysis.measurements) for m in analysis.masks]
    return _table(("Mask", "Target", "Size", "Outcome", "Confidence", "Reasons"), rows)


def _judged(mask: Mask, measurements: Sequence[Measurement]) -> tuple[str, ...]:
    quality, size = mask.quality, size_text(mask, measurements)
    if quality is None:
        return mask.mask_id, mask.target, size, "review", "not known", "Not judged."
    confidence = (
        "not known" if quality.confidence is None else f"{quality.confidence:.2f} ({quality.confidence_source})"
    )
    return mask.mask_id, mask.target, size, str(quality.outcome), confidence, " ".join(quality.reasons) or "–"


def _prompts(analysis: Analysis) -> Table | None:
    rows = [
        (
            p.target,
            p.text,
            p.window,
            "unknown to the model" if not p.known else _dice(p.published_dice),
            p.reason,
        )
        for p in analysis.prompts
    ]
    return _table(("Target", "Prompt", "Window", "Published Dice", "Why"), rows)


def _dice(value: float | None) -> str:
    return "not published" if value is None else f"{value:.2f}"


def _models(analysis: Analysis) -> Table | None:
    return _table(("Model", "Version"), list(analysis.model_versions.items()))


def _steps(analysis: Analysis) -> Table | None:
    rows = [
        (s.step_id, s.agent, s.tool, s.model or "–", f"{s.seconds:.2f} s", "done" if s.ok else f"failed: {s.error}")
        for s in analysis.steps
    ]
    return _table(("Step", "Agent", "Tool", "Model", "Time", "Result"), rows)
