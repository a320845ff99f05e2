"""Words that a message reports without quotation marks: "the tag says: …", "(header reads: …)", a mail below its name.

What follows is somebody else's, to where the writer goes on: a bracket that closes, a dash, an empty line, a question,
or a sentence that asks for no effect. A clause with an order in it ("tell me what the label says: …") reports nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.routing.grammar import grammar
from prompts.own_words import asks_for_effect
from prompts.words import words

SAYS = (
    r"\b(?:says?|said|states?|stated|reads?|writes?|wrote|written|schreibt|schrieb|steht|sagt|lautet|heißt|dice|pone|"
    r"escribe|pide|asks?|indication|indikation|order)\b"
)
SOURCE = (
    r"(?:note|letter|referral|referrer|email|message|comment|arztbrief|brief|zuweiser|überweisung|notiz|nota|carta"
    r"|volante)"
)
_CARRIER = (
    r"(?:note|notes|letter|referral|referrer|email|e-mail|mail|fax|message|comment|order|description|tag|field|header|footer"
    r"|caption|label|sticker|title|image|picture|film|screen|display|output|protocol|file ?name|template|pdf|ocr|slip"
    r"|chat|arztbrief|brief|zuweiser|überweisung|notiz|beschreibung|feld|kopfzeile|fußzeile|etikett|titel|bild|ausgabe|zettel"
    r"|dateiname|nota|carta|volante|correo|descripción|campo|etiqueta|título|encabezado|imagen|pantalla|salida|mensaje)"
)
_TELLS = (
    r"(?:says?|said|saying|reads?|reading|states?|stated|writes?|wrote|written|prints?|printed|output (?:was|is)|steht"
    r"|lautet|sagt|schreibt|dice|pone|reza|escribe)"
)
_REPORT = re.compile(
    rf"(?:(?<=[.?!;\n(\[–—])|^|(?<=--))(?=[^.?!;:\n]{{0,120}}\b{_CARRIER}\b)(?=[^.?!;:\n]{{0,120}}\b{_TELLS}\b)"
    r"[^.?!;:\n\"“„«]{3,120}:(?=[ \t]*[^\s\"“„«])",
    re.IGNORECASE | re.MULTILINE,
)
_BELOW = re.compile(
    rf"^(?P<name>[^.?!;:\n]{{0,60}}\b(?:{_CARRIER}|report|befund|bericht|informe)\b[^.?!;:\n]{{0,60}}):[ \t]*\n"
    r"(?:[ \t]*[^\s\n][^\n]*\n){1,40}(?=[ \t]*\n)",
    re.IGNORECASE | re.MULTILINE,
)
_OF_SOURCE = re.compile(rf"\b{SOURCE}\b[^.?!;:\n]{{0,60}}:(?=[^\n]{{1,4000}})", re.IGNORECASE)
_SPOKEN = re.compile(SAYS, re.IGNORECASE)
_DASH = re.compile(r"\s(?:--|–|—)\s")
_SENTENCE = re.compile(r"[^.?!\n]{0,2000}(?:[.?!](?=\d)[^.?!\n]{0,2000}){0,20}[.?!]*")

Report = tuple[int, int, int]
"""Where the clause begins that leads to others' words, where they begin, and where the writer goes on."""


def reports(text: str) -> Iterator[Report]:
    """Places of reported words with the clause that leads to them; they may overlap."""
    noted = _OF_SOURCE.search(text)
    if noted and _SPOKEN.search(noted.group()):  # what a note or letter says is the whole line
        line = text.find("\n", noted.end())
        start = max(text.rfind(mark, 0, noted.start()) + 1 for mark in ".?!;\n")
        yield start, noted.end(), len(text) if line < 0 else line
    for found in _BELOW.finditer(text):
        if not _orders(found["name"]):
            yield found.start(), found.end("name") + 1, found.end()
    for found in _REPORT.finditer(text):
        if not _orders(found.group()):
            yield found.start(), found.end(), _until(text, found.start(), found.end())


def _orders(clause: str) -> bool:
    return bool({word.folded for word in words(clause)} & grammar().commands)


def _until(text: str, start: int, spoken: int) -> int:
    """Where the writer goes on."""
    line = text.find("\n", spoken)
    line = len(text) if line < 0 else line
    closing = {"(": ")", "[": "]"}.get(text[start - 1 : start])
    if closing and (closed := text.find(closing, spoken, line)) >= 0:
        return closed
    if dash := _DASH.search(text, spoken, line):
        return dash.start()
    end = _sentence_end(text, spoken, line)
    while end < line:
        after = _sentence_end(text, end, line)
        said = text[end:after]
        if after == end or (any(c.isalpha() for c in said) and not asks_for_effect(said)):
            break
        end = after
    return end


def _sentence_end(text: str, place: int, line: int) -> int:
    said = _SENTENCE.match(text, place, line)
    return said.end() if said else place
