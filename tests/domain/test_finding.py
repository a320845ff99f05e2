"""A measurement keeps its line through the pickles that steps are kept as; one kept before lines were has none."""

from __future__ import annotations

import pickle

from domain.codes import Unit
from domain.finding import Line, Measurement


def test_a_line_survives_pickling() -> None:
    line = Line(3, (1.0, 2.5), (7.0, 9.5))
    measured = Measurement("long_axis", "liver", 4.0, Unit.MM, "", "1.2", "m1 (s3)", "m1", line=line)
    assert pickle.loads(pickle.dumps(measured)) == measured


def test_a_measurement_kept_without_the_field_has_no_line() -> None:
    kept = Measurement.__new__(Measurement)
    kept.__dict__.update({"name": "long_axis", "target": "liver", "value": 4.0})
    assert pickle.loads(pickle.dumps(kept)).line is None
