"""The folder of an analysis: complete, whole files, nothing lost when a part fails."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from domain.analysis import Analysis
from domain.mask import Mask, Outcome
from domain.study import Refusal, Volume
from tests.tools.outputs_builders import WHEN, analysis_of, box, dciodvfy_errors, mask_on, volume_of, write_phantom
from tools.artifact_names import artifact_stem
from tools.artifacts import write_artifacts, write_refusal_report
from tools.mask_files import ras_affine


def built(source: Path, outcome: Outcome = Outcome.PASS) -> tuple[Analysis, dict[str, Volume]]:
    volume = volume_of(write_phantom(source))
    masks = [mask_on(volume, "liver", box(volume.geometry), 1, outcome)]
    return analysis_of([volume], masks), {volume.series.series_uid: volume}


def run(analysis: Analysis, volumes: dict[str, Volume], folder: Path) -> tuple[list[str], tuple[str, ...]]:
    paths, warnings = write_artifacts(analysis, volumes, folder, when=WHEN, software_version="0.1.0")
    return [p.name for p in paths], warnings


def test_everything_is_written_and_report_json_last(tmp_path: Path) -> None:
    names, warnings = run(*built(tmp_path), tmp_path / "out")
    assert warnings == ()
    assert names[-1] == "report.json"
    assert set(names) == {
        "report.json", "report.md", "report.pdf", "fhir-bundle.json", "provenance.json",
        "1.2.3.4.seg.dcm", "1.2.3.4.sr.dcm", "1.2.3.4.overlay.png",
    }  # fmt: skip
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(names)
    assert dciodvfy_errors(tmp_path / "out/1.2.3.4.seg.dcm") == []
    assert dciodvfy_errors(tmp_path / "out/1.2.3.4.sr.dcm") == []


def test_provenance_holds_the_digests_of_the_files(tmp_path: Path) -> None:
    run(*built(tmp_path), tmp_path / "out")
    provenance = json.loads((tmp_path / "out/provenance.json").read_text())
    assert len(provenance["artifacts"]) == 6
    for artifact in provenance["artifacts"]:
        content = (tmp_path / "out" / artifact["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"]


def test_a_resumed_run_writes_equal_files(tmp_path: Path) -> None:
    analysis, volumes = built(tmp_path)
    run(analysis, volumes, tmp_path / "a")
    run(analysis, volumes, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_rejected_masks_make_no_dicom_and_are_still_reported(tmp_path: Path) -> None:
    names, warnings = run(*built(tmp_path, Outcome.REJECT), tmp_path / "out")
    assert not [n for n in names if n.endswith(".dcm")]
    assert warnings == ()
    assert json.loads((tmp_path / "out/report.json").read_text())["masks"][0]["qa"]["outcome"] == "reject"


def test_a_failing_part_becomes_a_warning_without_identity(tmp_path: Path) -> None:
    analysis, volumes = built(tmp_path)
    for path in tmp_path.glob("*.dcm"):
        path.unlink()
    names, warnings = run(analysis, volumes, tmp_path / "out")
    assert warnings == ("1.2.3.4.seg.dcm was not written (FileNotFoundError).",)
    assert json.loads((tmp_path / "out/report.json").read_text())["warnings"][-1] == warnings[0]
    assert "report.pdf" in names
    assert warnings[0] in (tmp_path / "out/report.md").read_text()


def not_dicom(volume: Volume, source_format: str) -> Volume:
    return Volume(replace(volume.series, slice_sources=(), source_format=source_format), volume.array)


def masked(volume: Volume, arrays: list[np.ndarray]) -> list[Mask]:
    return [mask_on(volume, f"organ {i}", a, i) for i, a in enumerate(arrays, start=1)]


def test_nifti_sources_get_nifti_masks_at_the_same_place(tmp_path: Path) -> None:
    volume = not_dicom(volume_of(write_phantom(tmp_path)), "NIfTI")
    masks = masked(volume, [box(volume.geometry), box(volume.geometry, 0.7, 0.9)])
    names, warnings = run(analysis_of([volume], masks), {volume.series.series_uid: volume}, tmp_path / "out")
    assert "1.2.3.4.seg.nii.gz" in names
    assert "DICOM" in warnings[0]
    image = nibabel.load(tmp_path / "out/1.2.3.4.seg.nii.gz")
    labels = np.asarray(image.dataobj).transpose(2, 1, 0)
    np.testing.assert_array_equal(labels == 1, masks[0].array)
    np.testing.assert_array_equal(labels == 2, masks[1].array)
    corner = volume.geometry.to_patient_mm(np.array([[2.0, 3.0, 5.0]]))[0]
    np.testing.assert_allclose(image.affine @ [5, 3, 2, 1], [-corner[0], -corner[1], corner[2], 1])


def test_overlapping_nifti_masks_keep_every_voxel(tmp_path: Path) -> None:
    volume = not_dicom(volume_of(write_phantom(tmp_path)), "NIfTI")
    masks = masked(volume, [box(volume.geometry), box(volume.geometry, 0.1, 0.9)])
    run(analysis_of([volume], masks), {volume.series.series_uid: volume}, tmp_path / "out")
    stack = np.asarray(nibabel.load(tmp_path / "out/1.2.3.4.seg.nii.gz").dataobj)
    for index, mask in enumerate(masks):
        np.testing.assert_array_equal(stack[..., index].transpose(2, 1, 0).astype(bool), mask.array)


def test_png_sources_get_png_masks(tmp_path: Path) -> None:
    volume = not_dicom(volume_of(write_phantom(tmp_path, 1)), "PNG")
    masks = masked(volume, [box(volume.geometry)])
    names, _ = run(analysis_of([volume], masks), {volume.series.series_uid: volume}, tmp_path / "out")
    assert "1.2.3.4.m1.mask.png" in names
    with Image.open(tmp_path / "out/1.2.3.4.m1.mask.png") as image:
        np.testing.assert_array_equal(np.asarray(image) == 255, masks[0].array[0])


def test_one_slice_in_the_patient_keeps_its_place(tmp_path: Path) -> None:
    geometry = volume_of(write_phantom(tmp_path, 1)).geometry
    np.testing.assert_allclose(ras_affine(geometry) @ [0, 0, 0, 1], [10, 20, 30, 1])
    np.testing.assert_allclose(ras_affine(geometry) @ [2, 0, 0, 1], [8.5, 20, 30, 1])


def test_unusable_input_still_leaves_a_report(tmp_path: Path) -> None:
    (path,) = write_refusal_report(tmp_path / "x", [Refusal("a.txt", "Not an image.")], "cough", WHEN)
    document = json.loads(path.read_text())
    assert document["refused"][0]["file"] == "a.txt"
    assert document["summary"] == "Nothing in the input could be used."


def test_analysis_without_pixels_still_leaves_a_report(tmp_path: Path) -> None:
    analysis, _ = built(tmp_path)
    analysis = replace(analysis, masks=(), measurements=(), findings=(), steps=())
    names, warnings = run(analysis, {}, tmp_path / "out")
    assert warnings == ()
    assert "report.json" in names


@pytest.mark.parametrize("hostile", ["../../etc/x", "a/b", "", ".hidden", "x" * 300])
def test_hostile_series_uids_stay_in_the_folder(hostile: str) -> None:
    stem = artifact_stem(hostile)
    assert "/" not in stem
    assert stem[0] != "."
    assert 0 < len(stem) <= 128


def test_the_call_crosses_a_process_border(tmp_path: Path) -> None:
    analysis, volumes = built(tmp_path)
    call = partial(write_artifacts, analysis, volumes, tmp_path / "out", when=WHEN, software_version="0")
    paths, _ = pickle.loads(pickle.dumps(call))()
    assert paths[-1].name == "report.json"
