"""The benchmark of answers runs the product's path on masks whose size is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.answer import MODEL_SIZE, SOURCE, TARGETS, answer_of, main, mapped, masks_of, source_volume, whole
from inference.medimageparse import parse_response
from tools.letterbox import Letterbox


@pytest.mark.parametrize("soft", [False, True])
def test_its_answers_are_answers_and_come_back_in_source_pixels(soft: bool) -> None:
    masks = masks_of(4, soft=soft)
    answer = parse_response(answer_of(masks, TARGETS), TARGETS)
    assert answer.soft == soft
    back = mapped(Letterbox.fit(SOURCE, SOURCE), answer.probability, soft)
    share = (SOURCE / MODEL_SIZE) ** 2
    for mask, source in zip(masks, back, strict=True):
        assert np.count_nonzero(source) == pytest.approx(np.count_nonzero(mask > 127) * share, rel=0.01)
    assert whole(answer_of(masks, TARGETS), TARGETS, source_volume())() == 4 * 9


def test_it_prints_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--repeat", "1", "--masks", "1"]) in {0, 1}
    printed = capsys.readouterr().out
    assert all(part in printed for part in ("base64", "classify", "inverse map", "measure", "bar of 25 ms"))
