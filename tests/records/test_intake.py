"""Arrival of files: placed whole, merged by content, named by hashes; real images when they are there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.studies.rendering import render
from domain.access import AccessContext
from domain.errors import ArtifactNotFound
from jobs.compute import PoolCompute, ThreadCompute
from jobs.reading import read_study
from records.files import FILES, PIXELS, FileStudyStore, arriving_suffix, folder_name, kept_suffix, pixels_name
from records.intake import Intake, sender_name
from records.studies import StudyRecord, StudyRecords
from tests.api.engine import ct_slice
from tools.ingest import ingest

LOCAL = AccessContext("local", None)


@pytest.fixture
def store(tmp_path: Path, studies: StudyRecords) -> FileStudyStore:
    return FileStudyStore(tmp_path / "studies", studies)


@pytest.fixture
def intake(studies: StudyRecords, store: FileStudyStore) -> Intake:
    return Intake(studies, store, ThreadCompute(), ingest)


def written(folder: Path, **files: bytes) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


async def test_a_study_is_laid_out_and_staging_is_gone(intake: Intake, store: FileStudyStore, tmp_path: Path) -> None:
    paths = written(tmp_path / "in", a=ct_slice(index=0), b=ct_slice(index=1), c=ct_slice(index=1), bad=b"text")
    received = await intake.admit(LOCAL, paths, {"bad": "what they called it"})
    assert "what they called it" in {r.file for r in received.refused}
    folder = await store.folder(AccessContext("local", received.records[0].patient_key), "1.2.826.1")
    assert folder == store.root / "1.2.826.1" / FILES
    assert len(list(folder.iterdir())) == 2
    assert [p.name for p in store.root.iterdir()] == ["1.2.826.1"]
    pixels = np.load(store.pixels(received.records[0], "1.2.826.1.1"))
    assert pixels.shape == (2, 32, 32)
    assert (pixels[0, 0, 0], pixels[0, 10, 10]) == (-1000, 200)
    assert all(path.exists() for path in paths)


async def test_the_same_files_again_change_nothing(intake: Intake, store: FileStudyStore, tmp_path: Path) -> None:
    paths = written(tmp_path / "in", a=ct_slice(index=0), b=ct_slice(index=1))
    first = await intake.admit(LOCAL, paths)
    second = await intake.admit(LOCAL, paths[:1])
    assert second.records[0].series == first.records[0].series
    assert len(list((store.root / "1.2.826.1" / FILES).iterdir())) == 2


async def test_stored_files_read_again_as_the_same_studies(intake: Intake, store: FileStudyStore, data: Path) -> None:
    folders = [data / name for name in ("ct_liver_seg_sr", "cxr_dicom", "mr_spinal_cord", "fundus")]
    received = await intake.admit(LOCAL, folders, described="fundus photograph")
    assert {"CT", "OP"} <= {record.modality for record in received.records}
    for record in received.records:
        files = store.root / record.folder / FILES
        again, refused = await read_study(ThreadCompute(), ingest, files, record.study_uid, "Is it a CT?")
        assert (again.study.study_uid, refused) == (record.study_uid, ())
        for series in record.series:
            pixels = np.load(store.root / record.folder / PIXELS / pixels_name(series["series_uid"]))
            assert np.array_equal(pixels, again.volumes[series["series_uid"]].array)


async def test_work_crosses_into_another_process(studies: StudyRecords, store: FileStudyStore, tmp_path: Path) -> None:
    compute = PoolCompute(1)
    try:
        paths = written(tmp_path / "in", a=ct_slice(index=0), b=ct_slice(index=1))
        received = await Intake(studies, store, compute, ingest).admit(LOCAL, paths)
        folder = store.root / "1.2.826.1" / FILES
        item, _ = await read_study(compute, ingest, folder, "1.2.826.1", "")
        picture = await compute.run(render, store.pixels(received.records[0], "1.2.826.1.1"), 0, (-1000.0, 1000.0))
        with pytest.raises(ArtifactNotFound, match="no slice 9"):
            await compute.run(render, store.pixels(received.records[0], "1.2.826.1.1"), 9, (-1000.0, 1000.0))
    finally:
        compute.close()
    assert item.volumes["1.2.826.1.1"].array.shape == (2, 32, 32)
    assert picture.startswith(b"\x89PNG")


@given(st.text(min_size=1, max_size=80))
def test_a_folder_name_is_one_harmless_part(uid: str) -> None:
    name = folder_name(uid)
    assert Path(name).parts == (name,)
    assert not name.startswith(".")
    assert set(name) <= set("0123456789.abcdefh")
    assert name == uid or name.startswith("h")


@pytest.mark.parametrize(
    ("name", "kept", "arriving"),
    [
        ("A.NII.GZ", ".nii.gz", ".nii.gz"),
        ("x.png", ".png", ".png"),
        ("IM0001", ".dcm", ".dcm"),
        ("notes.TXT", ".dcm", ".txt"),
        ("1.2.840.113619", ".dcm", ".dcm"),
        ("doe.john/../x", ".dcm", ".dcm"),
    ],
)
def test_endings_are_from_a_short_list(name: str, kept: str, arriving: str) -> None:
    assert (kept_suffix(name), arriving_suffix(name)) == (kept, arriving)


def test_a_refusal_goes_by_the_senders_name() -> None:
    names = {"f000001.dcm": "disc/IM1"}
    assert sender_name("f000001.dcm", names) == "disc/IM1"
    assert sender_name("f000001.dcm frame 3", names) == "disc/IM1 frame 3"
    assert sender_name("folder/other", names) == "other"
    assert sender_name("f000001.dcm", {"f000001.dcm": "a\x1b[2J\n.dcm"}) == "a\ufffd[2J\ufffd.dcm"


async def test_an_intake_that_is_cancelled_leaves_a_record_and_its_folder_or_neither(
    studies: StudyRecords, store: FileStudyStore, intake: Intake, tmp_path: Path
) -> None:
    paths = written(tmp_path / "in", a=ct_slice(index=0))
    put, placing = studies.put, asyncio.Event()

    async def slow(access: AccessContext, record: StudyRecord) -> StudyRecord:
        placing.set()
        await asyncio.sleep(0.05)
        return await put(access, record)

    studies.put = slow  # type: ignore[method-assign]
    admitting = asyncio.create_task(intake.admit(LOCAL, paths))
    await placing.wait()
    admitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await admitting
    assert [record.study_uid for record in await studies.list(LOCAL)] == ["1.2.826.1"]
    assert [p.name for p in store.root.iterdir()] == ["1.2.826.1"]
