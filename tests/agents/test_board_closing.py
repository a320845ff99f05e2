"""Which sentences of a chat model the claims carry that they cite."""

from __future__ import annotations

import pytest

from agents.board.closing import carried
from domain.board import Claim, Source

NOTE = Source("document", "d1", "PET of 2021-03-22: left lung lesion 41 mm, no liver metastases.")
CLAIMS = {
    "c1": Claim("2021-03-22: PET: left lung lesion 41 mm.", (NOTE,)),
    "c2": Claim("stage group: IVA, lung (2021-03-20).", (Source("document", "d2", "Stage IVA lung cancer."),)),
    "c3": Claim("EGFR: negative (2021-01-02).", (Source("document", "d3", "EGFR negative."),)),
    "c4": Claim("pembrolizumab recommended.", (Source("document", "d4", "Pembrolizumab is recommended."),)),
}


@pytest.mark.parametrize(
    "sentence",
    [
        "The PET shows a left lung lesion of 41 mm [c1].",
        "The record states stage group IVA of the lung [c2].",
        "EGFR is negative [c3].",
        "There are no liver metastases [c1].",
        "The left lung lesion was 41 mm, and the stage group is IVA [c1, c2].",
    ],
)
def test_what_the_claims_carry_stays_with_their_sources(sentence: str) -> None:
    kept, dropped = carried(sentence, CLAIMS)
    assert dropped == 0
    (claim,) = kept
    assert NOTE in claim.sources or "[c2]" in sentence or "[c3]" in sentence
    assert "[" not in claim.text


@pytest.mark.parametrize(
    "sentence",
    [
        "The PET shows a left lung lesion of 41 mm.",
        "The PET shows a left lung lesion of 41 mm [c9].",
        "The PET shows a left lung lesion of 14 mm [c1].",
        "The PET shows a right lung lesion of 41 mm [c1].",
        "EGFR is positive [c3].",
        "EGFR is not negative [c2, c3, c4].",
        "The lung lesion is no cancer [c2].",
        "The stage group is IVB [c2].",
        "There are liver metastases [c2].",
        "There are liver metastases [c1].",
        "Pembrolizumab is recommended [c4].",
        "Pembrolizumab should be given [c4].",
        "The prognosis is poor [c2].",
    ],
)
def test_what_goes_beyond_them_is_left_out(sentence: str) -> None:
    assert carried(sentence, CLAIMS) == ([], 1)
