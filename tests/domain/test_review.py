"""The life of an analysis as a table: what is partial is reviewed before it is signed, and a signature is for good."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analysis import TRANSITIONS, UNREVIEWED, Status
from domain.errors import TransitionRefused
from domain.review import Action, after_review, require_transition


def test_the_table_knows_every_status() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert TRANSITIONS[Status.REJECTED] == TRANSITIONS[Status.DELIVERED] == frozenset()
    assert TRANSITIONS[Status.SIGNED] == {Status.DELIVERED}
    assert [s for s in Status if Status.DELIVERED in TRANSITIONS[s]] == [Status.SIGNED]
    assert {s for s in Status if Status.SIGNED in TRANSITIONS[s]} == {Status.DRAFT, Status.IN_REVIEW}


@pytest.mark.parametrize(
    ("action", "present", "taken", "becomes"),
    [
        (Action.START, Status.DRAFT, Status.DRAFT, Status.IN_REVIEW),
        (Action.START, Status.PARTIAL, Status.DRAFT, Status.IN_REVIEW),
        (Action.EDIT, Status.IN_REVIEW, Status.DRAFT, Status.IN_REVIEW),
        (Action.RETURN, Status.IN_REVIEW, Status.DRAFT, Status.DRAFT),
        (Action.RETURN, Status.IN_REVIEW, Status.PARTIAL, Status.PARTIAL),
        (Action.REJECT, Status.DRAFT, Status.DRAFT, Status.REJECTED),
        (Action.REJECT, Status.PARTIAL, Status.DRAFT, Status.REJECTED),
        (Action.REJECT, Status.IN_REVIEW, Status.DRAFT, Status.REJECTED),
        (Action.SIGN, Status.DRAFT, Status.DRAFT, Status.SIGNED),
        (Action.SIGN, Status.IN_REVIEW, Status.PARTIAL, Status.SIGNED),
    ],
    ids=lambda value: value.value,
)
def test_acts_of_review(action: Action, present: Status, taken: Status, becomes: Status) -> None:
    assert after_review(action, present, taken) is becomes


@pytest.mark.parametrize("present", [Status.SIGNED, Status.DELIVERED, Status.REJECTED], ids=lambda s: s.value)
@pytest.mark.parametrize("action", list(Action), ids=lambda a: a.value)
def test_what_is_signed_or_rejected_is_reviewed_no_more(action: Action, present: Status) -> None:
    with pytest.raises(TransitionRefused):
        after_review(action, present)


@pytest.mark.parametrize("present", [Status.DRAFT, Status.PARTIAL], ids=lambda s: s.value)
def test_only_what_is_in_review_is_corrected(present: Status) -> None:
    with pytest.raises(TransitionRefused, match="start the review"):
        after_review(Action.EDIT, present)


def test_a_partial_result_says_what_comes_before_its_signature() -> None:
    with pytest.raises(TransitionRefused, match="take it into review first"):
        require_transition(Status.PARTIAL, Status.SIGNED)


@given(st.lists(st.sampled_from(Action), max_size=12), st.sampled_from(sorted(UNREVIEWED)))
def test_no_sequence_of_reviews_delivers_or_signs_what_is_partial(acts: list[Action], first: Status) -> None:
    present, seen = first, [first]
    for act in acts:
        try:
            present = after_review(act, present, first)
        except TransitionRefused:
            continue
        seen.append(present)
    assert Status.DELIVERED not in seen
    assert not UNREVIEWED.intersection(seen) - {first}
    assert (Status.PARTIAL, Status.SIGNED) not in pairwise(seen)
    assert not {Status.SIGNED, Status.REJECTED}.intersection(seen[:-1])
