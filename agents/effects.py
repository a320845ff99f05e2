"""Effects that somebody else is said to want are not requested.

Signing and delivering reach beyond the draft. A message may tell of a demand without quotation marks ("the letter wants
you to send it to the archive"), or carry a line of data that reads like an order. Where the message itself wants
something else, such a sentence is told, not asked. A person who wants the effect says it in a message of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from agents.routing.request import Intent, Request, Routed
from prompts.pasted import any_word

_EFFECTS = frozenset({Intent.SIGN, Intent.DELIVER})
_TALK = frozenset({Intent.GREETING, Intent.CAPABILITIES, Intent.ASK, Intent.UNKNOWN, Intent.REFUSE})
_SENTENCE = re.compile(r"[^.?!;\n]+[.?!;]*")
_LABEL = re.compile(r"^\W*[^\s:]{1,24}(?: [^\s:]{1,24}){0,5}:\s")
"""What stands before a colon says what follows it is: a subject, a field, who wrote."""
_NO_PROSE = re.compile(r"[=|{}<>*#@_\\]|(?:^|\s)/\w")


def own_effects(routed: Routed, text: str) -> Routed:
    """A message's requests without the effects that others are said to want.

    Args:
        text: the message as it was routed.
    """
    wanted = [r for r in routed.requests if not _effect(r)]
    if not any(r.intent not in _TALK for r in wanted):
        return routed
    kept = tuple(r for r in routed.requests if not (_effect(r) and _told(r, wanted, text)))
    return replace(routed, requests=kept)


def _effect(request: Request) -> bool:
    """Signing or delivering, or what the router made of it: a question back, or a refusal of a way round the rules."""
    of_one = {(Intent.ASK, "analysis"), (Intent.REFUSE, "unsafe")}
    return request.intent in _EFFECTS or (request.intent, request.about) in of_one


def _told(request: Request, wanted: list[Request], text: str) -> bool:
    """Whether the sentence of a request for an effect tells what others want."""
    sentence = " ".join(_sentence_of(request.text, text).split())
    rest = sentence
    for other in wanted:  # "search the notes and sign the report": who asks for the one asks for the other
        rest = rest.replace(other.text, "") if other.text else rest
    if _others().search(rest):
        return True
    return rest == sentence and bool(_LABEL.search(sentence) or _NO_PROSE.search(sentence))


def _sentence_of(words: str, text: str) -> str:
    """The sentences of the text that some of its words stand in."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    found = re.search(pattern, text) if pattern else None
    if found is None:
        return words
    spans = (s.span() for s in _SENTENCE.finditer(text))
    return "".join(text[a:b] for a, b in spans if a < found.end() and b > found.start())


@cache
def _others() -> re.Pattern[str]:
    """Somebody else, or a machine that is spoken of, before what is to be done."""
    who = rf"(?:{any_word('sources')}|{any_word('machines')}|{any_word('says')})"
    return re.compile(rf"(?<![\w-]){who}(?![\w-])[^.?!;\n]{{0,200}}?\b{any_word('effects')}", re.IGNORECASE)
