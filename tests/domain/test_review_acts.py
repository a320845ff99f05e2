"""When a critical finding is settled, and when an addendum still has to be delivered."""

from __future__ import annotations

import pytest

from domain.errors import CriticalUntold
from domain.review_acts import require_told, undelivered, untold

ROW = {"finding": "f1", "rule": "ptx", "name": "pneumothorax"}
TOLD = {"finding": "f1", "rule": "ptx", "kind": "communicated"}


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ([], 1),
        ([{**TOLD, "kind": "acknowledged"}], 1),
        ([TOLD], 0),
        ([{**TOLD, "kind": "dismissed"}], 0),
        ([{**TOLD, "finding": "f2"}], 1),
        ([TOLD, {**TOLD, "kind": "acknowledged"}], 0),
    ],
    ids=["nothing", "seen", "told", "dismissed", "another finding", "told and seen"],
)
def test_only_the_attending_settles(told: list[dict[str, str]], left: int) -> None:
    assert len(untold([ROW], told)) == left


def test_a_signature_is_refused_by_name() -> None:
    with pytest.raises(CriticalUntold, match="pneumothorax"):
        require_told({"critical": [ROW, ROW]})
    require_told({"critical": [ROW], "communications": [TOLD]})
    require_told({})


@pytest.mark.parametrize(
    ("document", "open_"),
    [
        ({"status": "signed", "addenda": [{}]}, False),
        ({"status": "delivered"}, False),
        ({"status": "delivered", "addenda": [{}]}, True),
        ({"status": "delivered", "addenda": [{}], "delivered_addenda": 1}, False),
    ],
    ids=["never delivered", "none", "one", "delivered"],
)
def test_an_addendum_after_delivery_is_open_until_it_is_delivered(document: dict[str, object], open_: bool) -> None:
    assert undelivered(document) is open_
