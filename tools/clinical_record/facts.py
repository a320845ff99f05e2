"""Extract facts from a document: sentence by sentence, each read by every grammar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.history import DocumentKind, HistoryDocument
from tools.clinical_record.dates import DateHit
from tools.clinical_record.fact import ClinicalFact
from tools.clinical_record.grammar_disease import disease_facts
from tools.clinical_record.grammar_laboratory import announced, laboratory_facts
from tools.clinical_record.grammar_measurement import measurement_facts
from tools.clinical_record.grammar_patient import patient_facts
from tools.clinical_record.grammar_procedure import procedure_facts
from tools.clinical_record.grammar_treatment import treatment_facts
from tools.clinical_record.lesion import lesions_in
from tools.clinical_record.sentences import Sentence, sentences
from tools.clinical_record.statement import Examination, Statement
from tools.clinical_record.vocabulary import lexicon


def extract(document: HistoryDocument) -> tuple[ClinicalFact, ...]:
    """Facts of a document in the order of its text. Spans are offsets in `document.text`, which stays as it is."""
    facts = [fact for statement, above in _statements(document) for fact in _read(statement, above)]
    return tuple(sorted(facts, key=lambda f: (f.span, f.attribute)))


def _read(statement: Statement, name_above: str) -> Iterator[ClinicalFact]:
    yield from disease_facts(statement)
    yield from patient_facts(statement)
    yield from measurement_facts(statement)
    yield from laboratory_facts(statement, name_above)
    yield from treatment_facts(statement)
    yield from procedure_facts(statement)


def _statements(document: HistoryDocument) -> Iterator[tuple[Statement, str]]:
    """Sentences with what they inherit from those before: the examination, the lesion, the laboratory name."""
    own = _own_examination(document)
    examination, lesion, above, paragraph = own, "", "", -1
    for sentence in sentences(document.text, document.dated):
        if sentence.paragraph != paragraph:
            paragraph = sentence.paragraph
            examination = replace(own, compared_with=examination.compared_with)
            lesion = ""
        bare = Statement.of(document, sentence, examination, lesion)
        examination = _examination(bare, examination)
        statement = replace(bare, examination=examination)
        yield statement, above
        named = lesions_in(sentence.text)
        lesion = named[-1].name if named else lesion
        above = _name_above(sentence, statement, above)


def _own_examination(document: HistoryDocument) -> Examination:
    """The examination that a whole document reports on."""
    if document.kind is not DocumentKind.IMAGING_REPORT:
        return Examination()
    named = lexicon("modalities").first(document.title)
    day = DateHit(document.dated, document.dated, 0, 0) if document.dated else None
    return Examination(named.name if named else "", day)


def _examination(statement: Statement, current: Examination) -> Examination:
    """The examination that is spoken of from this sentence on, until the paragraph ends."""
    sentence = statement.sentence
    if sentence.heading == "comparison" and statement.dates:
        return replace(current, compared_with=statement.dates[-1])
    if sentence.context is not None:
        return replace(current, modality=sentence.modality, day=sentence.context)
    for hit in lexicon("modalities").find(statement.text):
        day = statement.day_of_event(hit.start, hit.end)
        if day is not None and sentence.heading not in {"technique", "comparison", "indication"}:
            return replace(current, modality=hit.name, day=day)
    return current


def _name_above(sentence: Sentence, statement: Statement, above: str) -> str:
    """A laboratory name holds for the dated rows below it."""
    return announced(sentence.text) or (above if statement.dates and len(sentence.text) < 60 else "")
