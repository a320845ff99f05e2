"""Search a patient's documents: passages ranked by their words, and by meaning where vectors are at hand.

Words are ranked by BM25 (Robertson & Zaragoza, The Probabilistic Relevance Framework, 2009) after medical synonyms are
folded to one form (`terms`). On top of it count: what the whole document holds, words that stand together as in the
query, and dates that the query names. With vectors the two orders are joined by reciprocal rank fusion (Cormack, Clarke
& Büttcher, SIGIR 2009), which needs no scores that compare.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from domain.history import DocumentKind, HistoryDocument
from tools.clinical_record.dates import DateHit, find_dates
from tools.clinical_record.passages import spans
from tools.clinical_record.terms import is_medical, terms

Vectors = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts to vectors of one length, in order; the first text is the query, the others are passages."""

_K1, _B = 1.2, 0.75
_MEDICAL = 1.5
"""Weight of a word of the medical vocabulary against any other word."""
_DOCUMENT = 0.3
"""A word elsewhere in the document counts this part of one in the passage."""
_NEIGHBOURS = 0.5
_DATED_TEXT, _DATED_DOCUMENT = 3.0, 2.0
"""For a date that the query names: in the passage, or of its document."""
_REPEATED = 0.8
"""Each further passage of one document counts less: three places of one note are one answer."""
_FUSION = 60


@dataclass(frozen=True)
class Passage:
    """A place in a document that answers a query.

    Attributes:
        text: exactly `document.text[span[0]:span[1]]`, at most 400 characters.
        dated: the document's date.
        score: larger is better; comparable within one search only.
    """

    document_id: str
    text: str
    span: tuple[int, int]
    dated: date | None
    kind: DocumentKind
    title: str
    score: float


def search(
    documents: Iterable[HistoryDocument],
    query: str,
    kinds: Collection[DocumentKind] = (),
    vectors: Vectors | None = None,
    limit: int = 8,
) -> tuple[Passage, ...]:
    """Passages that answer a query, best first; empty where no word of it occurs and there are no vectors.

    Args:
        documents: of one patient.
        query: a question or words, in English or German clinical usage.
        kinds: only documents of these kinds; empty for all.
        vectors: gives texts their vectors, for ranking by meaning too.
        limit: most passages returned.
    """
    chosen = [d for d in documents if not kinds or d.kind in kinds]
    passages = [
        Passage(d.document_id, d.text[a:b], (a, b), d.dated, d.kind, d.title, 0.0) for d in chosen for a, b in spans(d)
    ]
    scores = _by_words(passages, query)
    order = sorted((i for i, s in enumerate(scores) if s > 0), key=lambda i: -scores[i])
    if vectors is not None and passages:
        scores = _fused(order, _by_meaning(passages, query, vectors), len(passages))
        order = sorted((i for i, s in enumerate(scores) if s > 0), key=lambda i: -scores[i])
    return tuple(_varied([replace(passages[i], score=scores[i]) for i in _distinct(passages, order)])[:limit])


def _by_words(passages: Sequence[Passage], query: str) -> list[float]:
    """A score for each passage; 0 where it holds no word and no date of the query."""
    days = list(find_dates(query, None))
    wanted = terms(_without(query, days))
    pairs = set(pairwise(wanted))
    told = [terms(p.text) for p in passages]
    bags = [Counter(words) for words in told]
    mean = sum(map(len, told)) / len(told) if any(told) else 1.0
    weight = {
        t: _rarity(sum(t in b for b in bags), len(bags)) * (_MEDICAL if is_medical(t) else 1.0) for t in set(wanted)
    }
    whole = _whole(passages, told)
    scores = []
    for passage, words, bag in zip(passages, told, bags, strict=True):
        norm = _K1 * (1 - _B + _B * len(words) / mean)
        score = sum(w * bag[t] * (_K1 + 1) / (bag[t] + norm) for t, w in weight.items() if bag[t])
        dated = _dated(passage, days)
        if score or dated:
            score += _DOCUMENT * sum(w for t, w in weight.items() if t in whole[passage.document_id])
            beside = pairs & set(pairwise(words))
            score += _NEIGHBOURS * sum(min(weight[a], weight[b]) for a, b in beside) + dated
        scores.append(score)
    return scores


def _without(query: str, days: Sequence[DateHit]) -> str:
    for hit in reversed(days):
        query = f"{query[: hit.start]} {query[hit.end :]}"
    return query


def _whole(passages: Sequence[Passage], told: Sequence[Sequence[str]]) -> dict[str, set[str]]:
    """Words of each document, its title's too."""
    found: dict[str, set[str]] = {}
    for passage, words in zip(passages, told, strict=True):
        found.setdefault(passage.document_id, set(terms(passage.title))).update(words)
    return found


def _dated(passage: Passage, days: Sequence[DateHit]) -> float:
    if not days:
        return 0.0
    if any(
        d.first <= hit.last and hit.first <= d.last for d in days for hit in find_dates(passage.text, passage.dated)
    ):
        return _DATED_TEXT
    of_document = passage.dated is not None and any(d.first <= passage.dated <= d.last for d in days)
    return _DATED_DOCUMENT if of_document else 0.0


def _varied(found: Sequence[Passage]) -> list[Passage]:
    """The passages with each further one of a document counted less, best first."""
    seen: Counter[str] = Counter()
    rescored = []
    for passage in found:
        score = passage.score * _REPEATED ** seen[passage.document_id]
        seen[passage.document_id] += 1
        rescored.append(replace(passage, score=round(score, 6)))
    return sorted(rescored, key=lambda p: -p.score)


def _rarity(holding: int, total: int) -> float:
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _by_meaning(passages: Sequence[Passage], query: str, vectors: Vectors) -> list[int]:
    asked, *texts = vectors([query, *(p.text for p in passages)])
    closeness = [_cosine(asked, vector) for vector in texts]
    return sorted(range(len(passages)), key=lambda i: -closeness[i])


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    norm = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in other))
    return product / norm if norm else 0.0


def _fused(by_words: Sequence[int], by_meaning: Sequence[int], total: int) -> list[float]:
    scores = [0.0] * total
    for order in (by_words, by_meaning):
        for rank, index in enumerate(order):
            scores[index] += 1 / (_FUSION + rank + 1)
    return scores


def _distinct(passages: Sequence[Passage], order: Sequence[int]) -> list[int]:
    """The order without passages that another, better one of the same document already shows in part."""
    kept: list[int] = []
    for index in order:
        start, end = passages[index].span
        shown = (passages[k] for k in kept if passages[k].document_id == passages[index].document_id)
        if not any(p.span[0] < end and start < p.span[1] for p in shown):
            kept.append(index)
    return kept
