"""Outcomes of two strategies with a hidden difference; imports nothing of the learner.

An outcome is the site's level plus, for the challenger, the difference, plus noise of a triangular shape, cut to 0–1.
Levels leave room for the noise, so the difference of the expectations is exactly the hidden one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

PLACES = (("east", 0.62), ("hill", 0.70), ("harbour", 0.58))
HALF_WIDTH = 0.30
"""Of the noise; its standard deviation is HALF_WIDTH / √6, about 0.12."""


@dataclass(frozen=True)
class World:
    """Two strategies.

    Attributes:
        difference: challenger - default.
        drift: what is added to both from the first study to the last.
    """

    label: str
    difference: float
    drift: float = 0.0

    def studies(self, seed: int, count: int) -> Iterator[tuple[str, str, float, float]]:
        """(study, site, outcome if default is shown, outcome if the challenger is shown)."""
        random = np.random.default_rng([seed, 2903])
        for number in range(count):
            site, level = PLACES[int(random.integers(len(PLACES)))]
            centre = level - self.drift / 2 + self.drift * number / count
            shared, own, other = (float(random.triangular(-HALF_WIDTH, 0.0, HALF_WIDTH)) for _ in range(3))
            default = centre + 0.6 * shared + 0.4 * own
            challenger = centre + self.difference + 0.6 * shared + 0.4 * other
            yield f"9.9.{seed}.{number}", site, _cut(default), _cut(challenger)


def _cut(value: float) -> float:
    return min(1.0, max(0.0, value))
