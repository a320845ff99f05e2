"""The closing words of a chair that is a chat model: a sentence stays when the claims that it cites carry all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from domain.board import Claim
from domain.history import DocumentKind, HistoryDocument
from prompts.statements.text import sentences
from tools.clinical_record.facts import extract
from tools.clinical_record.terms import terms

_GROUP = re.compile(r"[\[(]\s*(c\d+(?:\s*[,;]\s*c\d+)*)\s*[\])]", re.IGNORECASE)
_DIRECTIVE = re.compile(
    r"\b(?:should|must|ought|recommend\w*|advis\w+|suggest\w*|propos\w+|consider\w*|prefer\w*|indicated|warrant\w*)\b",
    re.I,
)
"""Words that tell a clinician what to do: no agent does."""
_DENYING = frozenset(
    {"no", "not", "without", "never", "none", "neither", "nor", "absent", "negative", "denied", "free"}
)
_JOINING = frozenset(
    terms(
        "while whereas but however also both between documents document source sources state stated states name named "
        "names disagree disagrees disagreement contradict contradicts contradiction conflict record shows show shown "
        "study imaging pathology history guidance open question settled unsettled remains remain board other another "
        "later earlier first then same not no"
    )
)
"""Words that join statements and add none."""


def carried(text: str, claims: Mapping[str, Claim]) -> tuple[list[Claim], int]:
    """The sentences of a text that its citations ("[c3]") carry, as claims, and how many were left out.

    A sentence is left out when it cites nothing, or what nobody said; when it has a word, a number, a denial or a
    clinical fact that the cited claims and their quotes do not have; and when it tells what to do.

    Args:
        claims: what the members said, by the id that the chat model was given.
    """
    kept: list[Claim] = []
    dropped = 0
    for sentence in sentences(text):
        ids = [i.lower() for group in _GROUP.findall(sentence) for i in re.split(r"\s*[,;]\s*", group)]
        body = " ".join(_GROUP.sub(" ", sentence).split()).replace(" .", ".")
        if ids and all(i in claims for i in ids) and _carries(body, [claims[i] for i in ids]):
            kept.append(Claim(body, tuple(dict.fromkeys(s for i in ids for s in claims[i].sources))))
        else:
            dropped += 1
    return kept, dropped


def _carries(body: str, cited: Iterable[Claim]) -> bool:
    said = "\n".join(text for claim in cited for text in (claim.text, *(s.quote for s in claim.sources)))
    if _DIRECTIVE.search(body) or set(terms(body)) - set(terms(said)) - _JOINING:
        return False
    words, backed = ({w.lower() for w in re.findall(r"[^\W\d_]+", text)} for text in (body, said))
    return not (words & _DENYING) - backed and _facts(body) <= _facts(said)


def _facts(text: str) -> set[tuple[str, str, bool]]:
    facts = extract(HistoryDocument("said", DocumentKind.NOTE, "", text))
    return {(f.attribute, f.value, f.negated) for f in facts}
