"""One table of what may follow: who may, what the ledger calls it, and nothing besides."""

from __future__ import annotations

import itertools

import pytest

from domain.errors import TransitionRefused
from domain.lifecycle import LIFE, TRANSITIONS, UNREVIEWED, Actor, Status, transition
from domain.review import Action, after_review


def test_each_change_has_one_row_and_one_kind_of_actor() -> None:
    changes = [(row.present, row.becomes) for row in LIFE if row.by is not Actor.RUN]
    assert len(changes) == len(set(changes))
    assert len(set(LIFE)) == len(LIFE)


def test_a_run_leaves_drafts_where_nobody_looked_and_nothing_else() -> None:
    rows = {(row.present, row.becomes) for row in LIFE if row.by is Actor.RUN}
    assert rows == set(itertools.product((None, *UNREVIEWED), UNREVIEWED))


def test_only_a_decision_signs_and_delivers() -> None:
    assert {row.becomes for row in LIFE if row.by is Actor.APPROVAL} == {Status.SIGNED, Status.DELIVERED}
    assert not [r for r in LIFE if r.becomes in {Status.SIGNED, Status.DELIVERED} and r.by is not Actor.APPROVAL]


def test_the_acts_of_review_are_the_reviewers_rows() -> None:
    rows = {(row.present, row.becomes, row.event) for row in LIFE if row.by is Actor.REVIEWER}
    reached = set()
    for action, present, taken in itertools.product(set(Action) - {Action.SIGN}, Status, UNREVIEWED):
        try:
            reached.add((present, after_review(action, present, taken), f"analysis.review.{action.value}"))
        except TransitionRefused:
            continue
    assert reached == rows


@pytest.mark.parametrize("by", list(Actor), ids=lambda a: a.value)
def test_what_is_not_in_the_table_is_forbidden(by: Actor) -> None:
    for present, becomes in itertools.product((None, *Status), Status):
        row = transition(present, becomes, by)
        assert (row is None) is ((present, becomes, by) not in {(r.present, r.becomes, r.by) for r in LIFE})
    assert all(becomes in TRANSITIONS[r.present] for r in LIFE if r.present and r.by is not Actor.RUN
               for becomes in [r.becomes] if becomes is not r.present)  # fmt: skip
