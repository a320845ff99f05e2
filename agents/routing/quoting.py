"""A message without what it quotes: quoted text is data and stands in no clause."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.routing.grammar import grammar
from agents.routing.reported import SAYS, SOURCE, reports
from prompts.own_words import SHORT_QUOTE
from prompts.question.dictation import spoken
from prompts.words import readable, words

_QUOTE = re.compile(
    r"\"[^\"\n]{1,4000}\"|“[^”\n]{1,4000}”|„[^“”\n]{1,4000}[“”]|«[^»\n]{1,4000}»|»[^«\n]{1,4000}«"
    r"|(?<![^\W_])'(?=[^'\n]{12})[^\n]{1,4000}?'(?![^\W_])|```.{1,4000}?```|^>[^\n]{1,4000}$",
    re.DOTALL | re.MULTILINE,
)
_FIELD = (
    r"(?:description|tag|field|header|footer|caption|name|label|sticker|title|beschreibung|feld|kopfzeile|etikett|titel"
    r"|dateiname|descripción|campo|etiqueta|título|encabezado)"
)
"""What carries words that nobody speaks: "the series description is …"."""
_IS = r"(?:\b(?:is|are|was|has|contains|holds|ist|lautet|enthält|hat|es|contiene|tiene)\b|=)"
_HINGE = r"\b(?:although|though|while|whereas|but|because|since|obwohl|aber|weil|während|aunque|pero|porque|mientras)\b"
_LEAD_IN = re.compile(
    rf"(?<!\w)(?:(?!{_HINGE})[^.?!;,\n(\[]){{0,200}}(?:{SAYS}|\b{SOURCE}\b|\b{_FIELD}\b[^.?!;,\n]{{0,40}}{_IS})"
    r"[^.?!;\n]{0,80}$",
    re.IGNORECASE,
)
_COLON = re.compile(
    rf"(?:[^.?!;\n]|\.(?=\d)){{0,200}}(?:\b(?:printed|prints|displayed|displays|stamped|headed)\b|{SAYS})[^.?!;\n]{{0,40}}:\s*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    rf"(?:(?<=[.?!;\n])|^)[^.?!;:\n]{{0,60}}\b(?:{SOURCE}|report|befund|bericht|informe|summary|epikrise|alta|record|ocr"
    r"|header|footer|sticker|pasted|copied|attached|kopiert|eingefügt|angehängt|pegado|copiado|adjunto)\b"
    r"[^.?!;:\n]{0,40}:\s*$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[^.?!;:,\n]{1,200}:\s*$")
_INITIAL = re.compile(r"\b(?:Mrs|Mr|Ms|Frau|Herrn?|Sra?|Señora?)\b\.?\s[A-Z]\b\.?")
"""A patient by an initial: the one whose study this is."""
_NUMBERED = re.compile(r"(?:(?<=\s)|^)\(?(?P<number>\d{1,2})[.)]\s+(?=[^\W\d])")


@dataclass(frozen=True)
class Message:
    """The user's own words, with spaces where others' stood, and those of others."""

    own: str
    quoted: tuple[str, ...]


def message(text: str) -> Message:
    """A text with what it quotes taken out, together with the words that lead to a quotation."""
    own, quoted = readable(text), []
    for found in list(_QUOTE.finditer(own)):
        inside = found.group().strip("\"“”„«»`>\n' ")
        before = own[max(0, found.start() - 300) : found.start()]
        source = _labelled(before)
        if len(inside.split()) <= SHORT_QUOTE and not source:
            continue
        quoted.append(inside)
        lead = _LEAD_IN.search(before) or _COLON.search(before) or source or _introduced(before)
        start = found.start() - len(lead.group()) if lead else found.start()
        own = own[:start] + " " * (found.end() - start) + own[found.end() :]
    for start, said, end in list(reports(own)):
        quoted.append(own[said:end].strip())
        own = own[:start] + " " * (end - start) + own[end:]
    own = _INITIAL.sub(lambda found: "Pt".ljust(len(found.group())), own)
    return Message(_unnumbered(spoken(own)), tuple(quoted))


def _labelled(before: str) -> re.Match[str] | None:
    """What says where a quotation comes from: "Old report, pasted:", "From the discharge letter:"; no order does."""
    label = _LABEL.search(before)
    return label if label and not {w.folded for w in words(label.group())} & grammar().commands else None


def _introduced(before: str) -> re.Match[str] | None:
    """The clause that leads to a quotation with a colon: "which I copy verbatim:"; no order does."""
    clause = _CLAUSE.search(before)
    return clause if clause and not {w.folded for w in words(clause.group())} & grammar().commands else None


def _unnumbered(text: str) -> str:
    """A numbered list with a line for each of its members: "1. liver volume 2. AFP"."""
    numbers = [int(found["number"]) for found in _NUMBERED.finditer(text)]
    in_order = len(numbers) > 1 and numbers == [*range(1, len(numbers) + 1)]
    return _NUMBERED.sub(lambda found: "\n".ljust(len(found.group())), text) if in_order else text
