"""What a sentence claims of a place in it, by the cues around.

The rules are of the kind of NegEx (Chapman et al., J Biomed Inform 2001;34:301-310): a cue reaches over the words of
its segment until another cue, a "but" or a new subject ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prompts.statements.claim import Cue, Stance
from prompts.statements.cues import statement_cues
from prompts.terms import Terms

DRAWN_WITHIN = 4
"""Words behind a denied structure in which "outlined" makes it an empty outline ("no nodule could be outlined")."""
_STRONG = frozenset(";()?.!")


def found_cues(terms: Terms[str], folded: Sequence[str]) -> Iterable[Cue]:
    """The longest phrases of an index in folded words, left to right."""
    place = 0
    while place < len(folded):
        found = terms.longest(folded, place)
        if found is not None:
            yield Cue(found[1], place, place + found[0])
        place += found[0] if found else 1


def segments_of(folded: Sequence[str], roles: Sequence[Cue]) -> tuple[int, ...]:
    """The number of the segment that each word stands in."""
    ends = {c.start for c in roles if c.role == "unlike"}
    number, found = 0, []
    for place, word in enumerate(folded):
        number += word in _STRONG or place in ends
        found.append(number)
    return tuple(found)


_ORDER = (
    ("asked", Stance.ASKED),
    ("undone", Stance.UNDONE),
    ("empty", Stance.EMPTY),
    ("kept_open", Stance.KEPT_OPEN),
    ("past", Stance.PAST),
    ("denied", Stance.DENIED),
    ("doubt", Stance.POSSIBLE),
    ("not", Stance.UNCLEAR),
)


def stance_of(folded: Sequence[str], roles: Sequence[Cue], segments: Sequence[int], start: int, end: int) -> Stance:
    """What is claimed of the words start … end (end exclusive)."""
    here = [c for c in roles if segments[c.start] == segments[start] and not start <= c.start < end]
    found = {role for c in here if (role := _reaching(folded, c, start, end))}
    if "persists" in {c.role for c in here} - {"denied"}:
        found.discard("past")
    for role, stance in _ORDER:
        if role not in found:
            continue
        if role == "denied" and statement_cues().drawn & set(folded[end : end + DRAWN_WITHIN]):
            return Stance.EMPTY
        if role == "empty" and found & {"denied", "not"} and not _says_drawn(folded, here):
            continue
        return stance
    return Stance.AFFIRMED


def _says_drawn(folded: Sequence[str], here: Sequence[Cue]) -> bool:
    """Whether "nothing was outlined" itself is the denial, not only an "empty outline" beside one."""
    return any(c.role == "empty" and statement_cues().drawn & set(folded[c.start : c.end]) for c in here)


def _reaching(folded: Sequence[str], cue: Cue, start: int, end: int) -> str:
    """The role that a cue gives the words start … end, "" when it does not reach them."""
    before = cue.end <= start
    if cue.role in {"neutral", "persists", "unlike"}:
        return ""
    if cue.role == "past_before":
        return "past" if before and start - cue.end <= 1 else ""
    if cue.role in {"asked", "denied"}:
        return cue.role if before and not _ended(folded, cue.end, start) else ""
    if cue.role == "denied_after":
        return "denied" if not before and not _ended(folded, end, cue.start) else ""
    if cue.role == "not":
        return "denied" if before and not _ended(folded, cue.end, start) and start - cue.end <= 2 else "not"
    between = (cue.end, start) if before else (end, cue.start)
    return cue.role if not _ended(folded, *between) else ""


def _ended(folded: Sequence[str], start: int, end: int) -> bool:
    """Whether a new subject stands between: "and a …", or an "and" with a verb on either side."""
    table = statement_cues()
    for place in range(start, end):
        if folded[place] not in table.also and folded[place] != ",":
            continue
        if folded[place] == "," and folded[0] in table.fronting and "," not in folded[:place]:
            continue  # "for the lung nodule, the model …"
        if place + 1 < end + 1 and place + 1 < len(folded) and folded[place + 1] in table.begins:
            return True
        verb_before = table.verbs & set(folded[start:place])
        verb_after = table.verbs & set(folded[place + 1 :])
        if verb_before and verb_after:
            return True
    return False


DENYING = frozenset({"denied", "denied_after", "not"})


def denies_loosely(roles: Sequence[Cue], segments: Sequence[int], named: Iterable[int]) -> bool:
    """Whether something that is no structure here is denied: `named` are the first words of the structures.

    "which does not mean that there is none" denies nothing.
    """
    about = {segments[place] for place in named}
    kept_open = [c.end for c in roles if c.role == "kept_open"]
    return any(
        c.role in DENYING and segments[c.start] not in about and not any(0 <= c.start - end <= 2 for end in kept_open)
        for c in roles
    )
