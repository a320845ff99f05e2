from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from domain.model import Window
from domain.study import Patient
from memory.errors import FeedbackRefused
from memory.intake import admit
from memory.pseudonym import Pseudonyms
from memory.record import FeedbackKind, Origin, Setting, Submission, feedback_of

Make = Callable[..., Submission]


def test_free_text_is_scrubbed_and_identity_is_a_keyed_hash(
    submission: Make, patient: Patient, pseudonyms: Pseudonyms
) -> None:
    note = "WOJTYNIAK, Z. (MRN 471188), born 09.03.1961, called from +48 22 555 1234: border missed in segment 7"
    kept = admit(submission(note=note), patient, "1.2.840.9.1", pseudonyms)
    written = json.dumps(kept.document())
    for secret in ("wojtyniak", "471188", "4711-88", "1961", "555", "1.2.840.9.1"):
        assert secret not in written.lower()
    assert "border missed in segment 7" in kept.note
    assert kept.patient == pseudonyms.of("patient", patient.key)
    assert kept.month == "2025-06"
    assert "15" not in kept.month


@pytest.mark.parametrize("field", ["target", "region"])
def test_words_for_models_that_name_the_patient_are_refused(
    field: str, submission: Make, patient: Patient, pseudonyms: Pseudonyms
) -> None:
    with pytest.raises(FeedbackRefused, match=field):
        admit(submission(**{field: "wojtyniak lesion"}), patient, "1.2", pseudonyms)


def test_a_better_prompt_that_names_the_patient_is_refused_without_quoting_it(
    submission: Make, patient: Patient, pseudonyms: Pseudonyms
) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        admit(submission(better=Setting("Zbigniewa tumor")), patient, "1.2", pseudonyms)
    assert refused.value.where == "better"
    assert "zbigniewa" not in str(refused.value).lower()


def test_codes_that_look_like_identity_are_left_out(submission: Make, patient: Patient, pseudonyms: Pseudonyms) -> None:
    kept = admit(submission(origin=Origin("north", "Wojtyniak", "Force")), patient, "1.2", pseudonyms)
    assert kept.origin == Origin("north", "", "Force")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": FeedbackKind.MASK_CORRECTION}, "dice_before"),
        ({"better": None}, "better"),
        ({"used": None}, "used"),
        ({"target": ""}, "target"),
        ({"kind": FeedbackKind.EDITED_SENTENCE}, "sentence_before"),
        ({"dice_before": 1.2}, "dice_before"),
        ({"dice_before": float("nan")}, "dice_before"),
        ({"better": None, "dice_after": 0.5, "kind": FeedbackKind.ACCEPTED}, "better"),
        ({"better": Setting("a & b")}, "better"),
        ({"better": Setting("x" * 161)}, "better"),
        ({"better": Setting("liver", Window("own", 200.0, -100.0))}, "better.window"),
        ({"better": Setting("liver", Window("own", 0.0, None))}, "better.window"),
        ({"when": datetime(2025, 1, 1)}, "when"),
        ({"analysis_id": ""}, "analysis_id"),
    ],
)
def test_what_is_missing_or_impossible_is_refused_by_name(
    changes: dict[str, object], where: str, submission: Make, patient: Patient, pseudonyms: Pseudonyms
) -> None:
    with pytest.raises(FeedbackRefused) as refused:
        admit(submission(**changes), patient, "1.2", pseudonyms)
    assert refused.value.where == where
    assert refused.value.remedy


def test_the_same_feedback_has_the_same_id_and_another_has_another(
    submission: Make, patient: Patient, pseudonyms: Pseudonyms
) -> None:
    one = admit(submission(), patient, "1.2", pseudonyms)
    assert admit(submission(when=submission().when + timedelta(hours=3)), patient, "1.2", pseudonyms) == one
    for other in (submission(analysis_id="a2"), submission(note="x"), submission(better=Setting("liver mass"))):
        assert admit(other, patient, "1.2", pseudonyms).feedback_id != one.feedback_id


def test_a_record_survives_json(submission: Make, patient: Patient, pseudonyms: Pseudonyms) -> None:
    kept = admit(submission(better=Setting("hepatic mass", Window("liver", -25.0, 230.0))), patient, "1.2", pseudonyms)
    assert feedback_of(json.loads(json.dumps(kept.document()))) == kept
    assert not {"patient", "study", "analysis"} & set(kept.shared())
    with pytest.raises(FeedbackRefused):
        feedback_of({**kept.document(), "surname": "x"})


@given(st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_depend_on_key_kind_and_identifier(one: str, other: str) -> None:
    first, second = Pseudonyms(b"k" * 16), Pseudonyms(b"j" * 16)
    assert first.of("patient", one) != second.of("patient", one)
    assert first.of("patient", one) != first.of("study", one)
    assert (first.of("patient", one) == first.of("patient", other)) == (one == other)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Pseudonyms(b"short")


def test_settings_compare_by_words_and_limits() -> None:
    window = Window("liver", -25.0, 230.0)
    assert Setting("Hepatic  Mass", window).key == Setting("hepatic mass", replace(window, name="own")).key
    assert Setting("hepatic mass").key != Setting("hepatic mass", window).key
    assert Setting("x", Window("percentile")).key != Setting("x", Window("identity")).key
