"""Facts refuse, doubts are said, real images pass."""

from __future__ import annotations

import numpy as np
import pytest

from domain.codes import Unit
from domain.errors import OutOfDistribution
from tests.tools.dicom_phantoms import body
from tools.admission import DOUBT, Candidate, StatedBy, admit

RNG = np.random.default_rng(7)


def candidate(array, modality="CT", stated_by=StatedBy.FILE, unit=Unit.ONE, capture=False):
    return Candidate("x.dcm", modality, stated_by, array, unit, capture)


def page() -> np.ndarray:
    text = np.full((1, 200, 200), 255, np.uint8)
    text[:, 20:180:8, 20:180] = RNG.integers(0, 255, (1, 20, 160))
    return text


@pytest.mark.parametrize(
    "refused",
    [
        candidate(np.zeros((2, 20, 20), np.int16)),
        candidate(RNG.integers(0, 255, (1, 20, 20, 3)).astype(np.uint8), "MR"),
        candidate(RNG.integers(0, 255, (1, 20, 20, 3)).astype(np.uint8), "OT", StatedBy.NOBODY),
        candidate(np.linspace(-1024, -700, 400).reshape(1, 20, 20), unit=Unit.HU),
        candidate(page(), capture=True),
        candidate(page(), "OT", StatedBy.NOBODY),
        candidate((body()[None] > 1000).astype(np.uint8), "OT", StatedBy.NOBODY),
        candidate(RNG.integers(0, 255, (1, 64, 64)), "OT", StatedBy.NOBODY),
    ],
)
def test_certainly_no_image_to_analyse(refused):
    with pytest.raises(OutOfDistribution) as caught:
        admit(refused)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "doubted",
    [
        candidate(RNG.integers(0, 1000, (1, 64, 64))),
        candidate(np.where(body()[None] > 1000, 0, -1000), unit=Unit.HU),
        candidate(np.where(body()[None] > 1000, 900, -1000) + RNG.integers(0, 9, (1, 24, 30)), unit=Unit.HU),
    ],
)
def test_phantoms_and_noise_of_a_named_modality_pass_with_a_doubt(doubted):
    assert any(warning.startswith(DOUBT) for warning in admit(doubted))


@pytest.mark.parametrize(
    "fine",
    [
        candidate(body()[None].astype(np.int16) - 1024, unit=Unit.HU),
        candidate(np.where(body()[None] > 1000, 0, -1000) + np.arange(30) % 25, unit=Unit.HU),
        candidate(np.stack([np.zeros((24, 30)), body()]), "MR"),
        candidate(RNG.integers(0, 255, (1, 20, 20, 3)).astype(np.uint8), "SM", StatedBy.QUESTION),
        candidate(RNG.poisson(3, (1, 64, 64)), "NM"),
    ],
)
def test_legitimate_images_pass_in_silence(fine):
    assert admit(fine) == ()


def test_an_unknown_modality_is_said():
    (warning,) = admit(candidate(body()[None], "OT", StatedBy.NOBODY))
    assert "not known" in warning
