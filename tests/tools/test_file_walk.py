"""Everything below a path is read or refused by a printable name; nothing waits for a pipe, nothing is silent."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.study import Refusal
from tests.tools.dicom_phantoms import body, dataset, write
from tools.file_walk import FoundFile, printable, walk
from tools.ingest import ingest


def refusals(*paths: Path) -> dict[str, str]:
    return {one.file: one.reason for one in walk(paths) if isinstance(one, Refusal)}


def names(*paths: Path) -> list[str]:
    return [one.name for one in walk(paths) if isinstance(one, FoundFile)]


@given(st.text(st.characters(), max_size=40))
def test_a_printable_name_can_be_encoded_and_obeyed_by_no_terminal(name: str) -> None:
    shown = printable(name)
    assert shown.encode().decode() == shown
    assert shown.splitlines() in ([], [shown])
    assert not set(shown) & {"\x1b", "\x9b", "\r", "\u202e", "\u2028"}
    assert printable(shown) == shown


def test_a_name_that_is_no_utf_8_is_refused_as_text_that_json_can_carry(tmp_path: Path) -> None:
    for raw in (b"\xff\xfe.dcm", b"\xfe\xff.dcm", b"a\x1b[31m\n.dcm"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + raw)).write_bytes(b"noise")
    found = ingest([tmp_path])
    files = [refusal.file for refusal in found.refused]
    assert sorted(files) == sorted({"\ufffd\ufffd.dcm", "\ufffd\ufffd.dcm (2)", "a\ufffd[31m\ufffd.dcm"})
    assert json.dumps(files, ensure_ascii=False).encode()


def test_an_image_with_such_a_name_and_without_a_uid_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.dcm"))
    ds = dataset(body())
    del ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID
    ds.save_as(path, implicit_vr=True, little_endian=True)
    (study,) = ingest([tmp_path]).studies
    assert study.study.study_uid.startswith("2.25.")


def test_what_is_no_regular_file_is_refused_by_name_inside_a_good_folder_too(tmp_path: Path) -> None:
    write(dataset(body()), tmp_path / "good.dcm")
    (tmp_path / "empty").mkdir()
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".x").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder_link").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    (tmp_path / "null").symlink_to("/dev/null")
    assert refusals(tmp_path) == {
        "empty": "An empty folder (hidden files are left out).",
        "hidden": "An empty folder (hidden files are left out).",
        "pipe": "Not a regular file, but a pipe.",
        "folder_link": "A link to a folder: not followed.",
        "lost": "A link that leads nowhere.",
        "ring": "A link that leads back to itself.",
        "null": "Not a regular file, but a device.",
    }
    found = ingest([tmp_path])
    assert len(found.studies) == 1
    assert {refusal.file for refusal in found.refused} == set(refusals(tmp_path))
    assert all(refusal.remedy for refusal in found.refused)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_given_device_is_refused(device: str) -> None:
    (refusal,) = ingest([Path(device)]).refused
    assert (refusal.file, refusal.reason) == (Path(device).name, "Not a regular file, but a device.")


def test_a_given_pipe_socket_or_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "to").symlink_to(tmp_path / "nothing", target_is_directory=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert refusals(tmp_path / "pipe", tmp_path / "s") == {
            "pipe": "Not a regular file, but a pipe.",
            "s": "Not a regular file, but a socket.",
        }
    assert refusals(tmp_path / "nothing") == {"nothing": "An empty folder (hidden files are left out)."}
    assert refusals(tmp_path / "links") == {"to": "A link to a folder: not followed."}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("x" * 300, "The path is longer than the file system allows."),
        ("a\0b", "There is no such file or folder."),
        ("nowhere/at/all", "There is no such file or folder."),
    ],
)
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    assert list(refusals(tmp_path / path).values()) == [reason]


def test_a_folder_is_walked_in_the_order_of_names_and_a_file_once(tmp_path: Path) -> None:
    for name in ("b/2", "a/1", "a.x", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path, tmp_path / "a") == ["a/1", "a.x", "b/2", "c"]


def test_a_given_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "1").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert names(tmp_path / "link") == ["1"]


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.dcm").write_bytes(b"noise")
    assert names(tmp_path / "a", tmp_path / "b") == ["1.dcm", "1.dcm (2)"]
    assert len(ingest([tmp_path / "a", tmp_path / "b"]).refused) == 2


def test_folders_may_lie_deeper_than_python_recurses(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(1200):
        deep = deep / "d"
        deep.mkdir()
    try:
        assert refusals(tmp_path) == {"/".join("d" * 1200): "An empty folder (hidden files are left out)."}
    finally:  # pytest could not remove it
        while deep != tmp_path:
            deep.rmdir()
            deep = deep.parent
