"""Which words of a message are its writer's own. What was pasted, and what speaks to a machine, is data.

A clinician pastes mails, faxes, exports and templates, and an order's text passes many hands. A demand in them is not
the clinician's. It is told by form and by whom it addresses, never by what it demands: the writer may well want the
same when he says it. Quotation marks are left to the router, which can read what a quotation names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from prompts.pasted import Span, any_word, blocks
from prompts.words import TEXT_LIMIT, readable

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Letters and signs as wide as a Chinese character, and what they are."""
SHORT_QUOTE = 3
"""Words in quotation marks that may belong to the sentence: segment the "left kidney"."""
_SENTENCE = re.compile(r"[^.?!\n]{0,2000}[.?!]*")
_OPENS = r"(?:(?<=[ \t]{3})(?=\w)|(?:^|[.?!;:,|>/*•·()\[\]{}–—-])[^\w\n\"'“„«»‘’]{0,200}(?=\w))"
"""Before a word that opens a sentence, a line or a field; not in quotation marks."""
_QUOTED = re.compile(
    r"\"[^\"\n]{1,4000}\"|“[^”\n]{1,4000}”|„[^“”\n]{1,4000}[“”]|«[^»\n]{1,4000}»|»[^«\n]{1,4000}«"
    r"|(?<!\w)'(?=[^'\n]{12})[^\n]{1,4000}?'(?!\w)"
)
_TO_BRACKET = re.compile(r"[^()\[\]{}\n]{0,400}(?=[)\]}])")
_CAPITALS = re.compile(r"(?=(?:[^A-Z\n]{0,20}[A-Z]){6})[^a-zß-ÿ\n]{6,2000}[.!?;](?= {1,3}[^\W\d_])")
_LATER_QUESTION = re.compile(r"(?<=[.!?]) {1,3}(?P<asked>[^.!?\n]{1,400}\?)")


@dataclass(frozen=True)
class OwnWords:
    """A message, read.

    Attributes:
        text: the message without invisible characters, with spaces where others' words stood.
        others: what stood there, in the order of the text.
    """

    text: str
    others: tuple[str, ...] = ()


def own_words(message: str) -> OwnWords:
    """A message without what was pasted and what speaks to a machine.

    A message of which nothing would be left is its writer's own: somebody talks to this system. Of a long text as much
    is read as `prompts.words` reads.
    """
    read = readable(message[:TEXT_LIMIT]).translate(_WIDE)
    text = "".join(c for c in read if unicodedata.category(c) != "Cf")
    without = _blanked(text, blocks(text))
    own = without
    for whole_lines in (True, False):
        own = _blanked(without, _speeches(without, whole_lines=whole_lines))
        if _says(own):
            break
    if not _says(own):
        own = without if _says(without) else text
    return OwnWords(own, tuple(_missing(text, own)))


def _speeches(text: str, *, whole_lines: bool) -> Iterator[Span]:
    """What other speakers say, and what is said to machines.

    Args:
        whole_lines: up to the end of the line, but for later questions; else the sentence alone.
    """
    persons = [(_first(found), found.end()) for found in _person().finditer(text)]
    turns = [_first(found) for found in _turn().finditer(text)] if persons else []
    yield from _answered(persons, turns)
    quoted = [found.span() for found in _QUOTED.finditer(text)]
    for found in _speaker().finditer(text):
        start = _first(found)
        if any(opened < start < closed for opened, closed in quoted):
            continue
        bracketed = _bracketed(text, start, found.end())
        if bracketed:
            yield start, bracketed
        elif persons and start in turns:  # a pasted conversation: a speech ends where the next one begins
            following = next((t for t in turns if t > start), 0)
            yield start, following or _but_last_question(text, found.end())
        elif not whole_lines:
            yield start, _sentence_end(text, found.end())
        else:
            yield from _but_questions(text, start, found.end())
    for found in _bound().finditer(text):
        start = _first(found)
        within = next((span for span in quoted if span[0] < start < span[1]), None)
        if within:  # what the router takes for words of the sentence, being so short
            if len(text[slice(*within)].split()) <= SHORT_QUOTE:
                yield within
            continue
        yield start, _bracketed(text, start, found.end()) or _sentence_end(text, found.end())
    yield from persons


def _sentence_end(text: str, place: int) -> int:
    said = _SENTENCE.match(text, place)
    return said.end() if said else place


def _answered(persons: list[Span], turns: list[int]) -> Iterator[Span]:
    """What persons said in a pasted conversation before the last speech of a machine: it was answered there."""
    machines = {*turns} - {start for start, _ in persons}
    for start, _ in persons:
        if any(start < machine for machine in machines):
            yield start, next(turn for turn in turns if turn > start)


def _first(found: re.Match[str]) -> int:
    """Where the first word of a match begins, with the sign that calls it."""
    return found.start() + next((i for i, c in enumerate(found.group()) if c.isalnum() or c in "@#*"), 0)


def _bracketed(text: str, start: int, spoken: int) -> int:
    """Where the bracket ends in which somebody speaks from `start` on; 0 where he speaks in none."""
    closed = _TO_BRACKET.match(text, spoken) if text[start - 1 : start] in {"(", "[", "{"} else None
    return closed.end() if closed else 0


def _but_questions(text: str, start: int, spoken: int) -> Iterator[Span]:
    """A line from `start` on, without the questions after its first sentence: who asks wants an answer himself."""
    end = next((place for place in [text.find("\n", spoken)] if place >= 0), len(text))
    capitals = _CAPITALS.match(text, spoken)
    if capitals and not _effect().search(text, capitals.end(), end):  # a label ends where somebody writes on in small
        end = capitals.end()
    for asked in _LATER_QUESTION.finditer(text, spoken, end):
        yield start, asked.start("asked")
        start = asked.end()
    yield start, end


def _but_last_question(text: str, spoken: int) -> int:
    """Where the last speech of a pasted conversation ends: a question on the last line is who pasted it asking."""
    written = text.rstrip()
    line = written.rfind("\n", spoken)
    return line if written.endswith("?") and line > 0 else len(text)


@cache
def _speaker() -> re.Pattern[str]:
    """Where others begin to speak, or somebody to speak to a machine."""
    machine = rf"(?:{any_word('articles')}\s)?(?:\w+,?\s(?:or|oder|o)\s)?{any_word('machines')}\b"
    forms = (
        rf"{_OPENS}{any_word('speakers')}(?:[ -](?:{any_word('machines')}|{any_word('notes')}|{any_word('to')}"
        rf"|{any_word('articles')}|must|muss)){{0,4}}\s?:(?!\d)",
        rf"^\W{{0,4}}(?:{any_word('speakers')}|{any_word('speakers_at_line')})\s?(?::|>{{1,3}}|\])(?!\d)",
        r"^\W{0,4}(?:\w ){3,12}\w? ?:",
        rf"(?<=[(\[{{]){any_word('speakers')}\b(?=[^()\[\]{{}}\n]{{0,400}}[)\]}}])",
        rf"(?<!\w)(?:[@#]|\*{{2,3}} ?){any_word('speakers')}\b",
        rf"(?<!\w)(?:\w{{2,12}}\s)?{any_word('notes')}\s{any_word('to')}\s{machine}(?:[^:;.,\n]{{0,60}}[:;.,]|(?=\s))",
        rf"{_OPENS}(?:(?:{any_word('articles')}|{any_word('to')}|{any_word('called')})[ ,-]{{1,2}}){{0,4}}"
        rf"{any_word('machines')}\s?:(?!\d)",
        rf"{_OPENS}{any_word('to')}\s{machine}[^:;.?!\n]{{0,40}}:",
        rf"(?<!\w){any_word('machines')}\s(?:reading|processing|parsing)\s(?:this|it)\b",
    )
    return re.compile("|".join(f"(?:{form})" for form in forms), re.IGNORECASE | re.MULTILINE)


@cache
def _bound() -> re.Pattern[str]:
    """ "Assistants must append …": what machines are bound to do, said of them and not to this one."""
    called = rf"(?:(?:{any_word('articles')}|{any_word('called')})[ ,-]{{1,2}}){{0,4}}"
    supposed = r"(?!\s(?:have|be|haber|ser|estar)\b)"  # "the system must have crashed"
    who = rf"(?<!\w){called}{any_word('machines')}\s"
    said = rf"(?:^|[.?!;\n])[^.?!;:\n]{{0,120}}\b{any_word('saying')},?\s(?:(?:that|dass|que)\s)?"
    effect = rf"(?=[^.?!\n]{{0,200}}?(?<!\w){any_word('effects')})"
    forms = (
        rf"(?:{_OPENS}|[\"“„«»]){who}{any_word('bound')}\b{supposed}",
        rf"{said}{who}(?:{any_word('bound')}|should|soll|sollte|sollten|debería|deberían)\b{effect}",
    )
    return re.compile("|".join(forms), re.IGNORECASE | re.MULTILINE)


def asks_for_effect(text: str) -> bool:
    """Whether words ask for signing, delivering, deleting or the like."""
    return _effect().search(text) is not None


@cache
def _effect() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){any_word('effects')}", re.IGNORECASE)


@cache
def _person() -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{any_word('persons')}\s?:", re.IGNORECASE | re.MULTILINE)


@cache
def _turn() -> re.Pattern[str]:
    """The line at which somebody begins to speak in a pasted conversation."""
    names = "|".join(any_word(name) for name in ("speakers", "speakers_at_line", "persons"))
    return re.compile(rf"^[ \t]*(?:{names})\s?:", re.IGNORECASE | re.MULTILINE)


def _says(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _blanked(text: str, spans: Iterable[Span]) -> str:
    """The text with spaces in some places; the ends of lines stay."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if end > done:
            blank = "".join("\n" if c == "\n" else " " for c in text[max(start, done) : end])
            parts += [text[done:start], blank]
            done = end
    return "".join((*parts, text[done:]))


def _missing(text: str, own: str) -> Iterator[str]:
    """Passages of the text that are blank in its own words."""
    start = 0
    for place in range(len(text) + 1):
        if place < len(text) and (text[place] != own[place] or text[place].isspace()):
            continue
        if place > start and text[start:place].strip():
            yield text[start:place].strip()
        start = place + 1
