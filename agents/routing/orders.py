"""What is left of a message that is an order's indication: nobody is there to sign, to approve or to be refused.

An order's text passes many hands and systems before it comes here. It says what to look for; that it should be signed,
sent, or that rules should not hold, is not for it to say. An order of which nothing else is left gets what an order
without words gets.
"""

from __future__ import annotations

from agents.routing.facts import understood
from agents.routing.request import Intent, Request, Situation

_IMAGING = frozenset(
    {Intent.FIND, Intent.CHEST_REPORT, Intent.COMPARE, Intent.CLASSIFY, Intent.REPORT, Intent.REFINE, Intent.RECALL}
)
_EFFECTS = frozenset({Intent.SIGN, Intent.DELIVER})


def of_order(requests: tuple[Request, ...], situation: Situation) -> tuple[Request, ...]:
    """The requests of an order without effects and refusals; never empty.

    Args:
        requests: as the same words are read in a conversation; in one they stay as they are.
    """
    if not situation.order:
        return requests
    kept = tuple(r for r in requests if not _needs_a_person(r))
    if any(r.intent in _IMAGING for r in kept):
        return kept
    if any(r.intent is Intent.ASK for r in kept):  # what is ambiguous is not guessed, here no more than there
        return kept
    text = ". ".join(r.text for r in kept)
    named = tuple(t.text for t in understood(text, situation).targets)
    if named:  # "Known cirrhosis, spleen?": an order that names a structure asks for it, whatever it tells besides
        return (Request(Intent.FIND, text, targets=named),)
    return (*kept, Request(Intent.FIND, ""))


def _needs_a_person(request: Request) -> bool:
    """Signing and delivering, the question back of which analysis, and refusals."""
    of_effect = request.intent is Intent.ASK and request.about == "analysis"
    return request.intent in _EFFECTS or request.intent is Intent.REFUSE or of_effect
