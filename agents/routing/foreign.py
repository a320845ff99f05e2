"""The parts of a message that are not its writer's own plain words, for the router.

What was pasted and what speaks to a machine is told by `prompts.own_words`. The router adds what can only be told where
effects are known: a demand that a bracket or a colon gives to somebody else, and what says no more than where a paste
came from ("… was in the export."). A text that was separated before stays as it is, so it does no harm twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from prompts.own_words import own_words
from prompts.pasted import any_word
from prompts.words import TEXT_LIMIT

LONGEST = 2_000
"""Characters of the longest of these parts; bounded, so that work stays linear in the text."""


@dataclass(frozen=True)
class Separated:
    """A message, its writer's words apart from those of others.

    Attributes:
        own: the message without invisible characters, with spaces where others' words stood, so that places stay.
        others: what stood there: first pastes, then what the router adds, each in the order of the text.
    """

    own: str
    others: tuple[str, ...] = ()

    @property
    def foreign(self) -> bool:
        """Whether anything in the message is not its writer's."""
        return bool(self.others)


def separated(text: str) -> Separated:
    """A message's own words and those of others; of a message that would be left empty nothing is taken out.

    Args:
        text: of which as much is separated as `prompts.words` reads; what follows that is read by nobody.
    """
    read = own_words(text[:TEXT_LIMIT])
    own, added = _without(read.text, _forms())
    if not any(c.isalpha() for c in own):
        return Separated(read.text, read.others)
    return Separated(own, (*read.others, *added))


def _without(text: str, forms: Iterable[re.Pattern[str]]) -> tuple[str, list[str]]:
    """The text with spaces for what has one of some forms, and what had."""
    taken: list[str] = []

    def blank(found: re.Match[str]) -> str:
        taken.append(found.group().strip())
        return re.sub(r"[^\n]", " ", found.group())

    for form in forms:
        text = form.sub(blank, text)
    return text, taken


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(form, re.IGNORECASE | re.MULTILINE) for form in (*_pastes(), _given(), _bracket(), _origin())
    )


def _pastes() -> tuple[str, ...]:
    """Lines of a DICOM dump, notices under a heading in brackets, blocks with a begin and an end."""
    within = rf"[\s\S]{{0,{LONGEST}}}?"
    header = r"^[ \t]{0,8}\([0-9a-f]{4},[0-9a-f]{4}\)\s+[A-Z]{2}\b[^\n]{0,2000}$"
    notice = r"^[ \t]{0,8}\[[A-Z]{4,}\b[^\]\n]{0,80}\][^\n]{1,2000}(?=\n[ \t]{0,8}\n)"
    named = rf"[^\n]{{0,40}}\b{any_word('roles')}\b[^\n]{{0,40}}"
    return (
        header,
        notice,
        rf"<!\[CDATA\[{within}\]\]>|<\?{within}\?>|<#{within}#>",
        r"\\[a-z]{1,20}\{[^{}]{0,400}\}|^[ \t]{0,8}%%[^\n]{0,2000}",
        rf"^[ \t]{{0,8}}(?P<line>[=_*~-])(?P=line){{2,9}}{named}\n{within}^[ \t]{{0,8}}(?P=line){{3,10}}[^\n]{{0,80}}$",
        # Segments of HL7, names of files, names as programs write them.
        r"(?<!\S)[A-Z][A-Z0-9]{2}(?:\|[^|\n]{0,200}){2,40}\|[^|\s]{0,40}",
        r"(?:\b(?:file ?name|dateiname):?\s)?(?<!\w)[\w-]{3,120}\.(?:dcm|pdf|docx?|txt|nii|png|jpe?g|csv|json|xml|hl7"
        r"|zip)\b",
        r"(?<!\w)[a-z]{2,20}(?:_[a-z]{1,20}){2,10}(?!\w)",
        rf"^[ \t]{{0,8}}BEGIN{named}\n{within}^[ \t]{{0,8}}END\b[^\n]{{0,80}}$",
    )


_DEMANDS = (
    r"(?<!\w)(?:(?:sign|deliver|send|transmit|push|finali[sz]e|approve|release|upload|submit)(?!\w)"
    r"|(?:forward|export|transfer)\s(?:it|this|that|all|everything|the)(?!\w)"
    r"|signier|unterschreib|unterzeichn|freigeb|freizugeb|verschick|schick(?:en|e|t)?(?!\w)|senden|übermitteln|weiterleiten"
    r"|firm(?:e|ar|en)(?!\w)|fírm|envíe|enviar|envíal|envíel|mand(?:e|ar)(?!\w)|entreg|apruebe|aprobar)"
)
"""Words that demand signing or delivering; stems are not enough here: "significant", "mandible"."""


def _given() -> str:
    """ "The referrer writes: please send it": a demand behind a colon, and who makes it before that; one sentence."""
    return (
        rf"(?:^|(?<=[.?!;\n)] ))[^.?!;:\n]{{0,120}}(?<![\w-]){any_word('sources')}(?![\w-])[^.?!;:\n]{{0,60}}:"
        rf"(?=[^.?!;\n]{{0,200}}?{_DEMANDS})[^.?!;\n]{{1,400}}[.!;]?"
    )


def _bracket() -> str:
    """ "(P.S. from the ward: sign it)": a demand in brackets of whom a preposition names."""
    of_whom = r"(?:from|by|according to|von|vom|laut|de|del|según)"
    return (
        rf"[(\[](?=[^()\[\]:\n]{{0,40}}\b{of_whom}\s[^()\[\]:\n]{{1,60}}:)"
        rf"(?=[^()\[\]\n]{{0,400}}?{_DEMANDS})[^()\[\]\n]{{1,600}}[)\]]"
    )


def _origin() -> str:
    """A sentence that ends with a source, and has nothing before it but "that came with the"."""
    this = r"(?:that|this|it|which|these|all that|das|dies|diese|eso|esto)"
    came = (
        r"(?:was|were|is|are|came|comes|arrived|appeared|appears|stood|stands|war|waren|stand|steht|kam|kommt|estaba|"
        r"venía|viene|vino|aparece|aparecía)"
    )
    where = r"(?:in|on|with|at|from|under|below|above|auf|im|mit|aus|unter|am|en|con|de|del)"
    of_whom = r"(?:\s(?:from|of|by|von|vom|der|de|del)\s[^.?!;:,\n]{1,40})?"
    return (
        rf"(?:^|(?<=[.?!;\n–—-] )|(?<=  ))[ \t]{{0,8}}(?:{this}\s)?{came}\s{where}\s(?:[^\W\d_]{{1,20}}\s){{0,2}}"
        rf"{any_word('sources')}{of_whom}(?:[.!;]|[ \t]{{0,8}}$)"
    )
