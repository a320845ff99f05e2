"""`/studies`: what is kept, what is refused, and what never leaves."""

from __future__ import annotations

import asyncio
import io
import os
import random
import stat
import time
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.types import Message

from api.application import create_app
from api.services import Limits, Services
from api.studies.archive import Unpacked, unpack
from api.studies.rendering import PictureCache
from domain.study import Ingest
from jobs.compute import PoolCompute
from records.intake import Intake
from tests.api.engine import ct_slice, limited
from tests.jobs.processes import gone
from tools.ingest import ingest

STUDIES = "/api/v1/studies"


def packed(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


async def test_usable_files_are_kept_and_the_rest_is_refused_by_name(client: httpx.AsyncClient) -> None:
    files = [("files", ("a.dcm", ct_slice())), ("files", ("notes.txt", b"hello")), ("files", ("empty.dcm", b""))]
    answer = await client.post(STUDIES, files=files)
    assert answer.status_code == 201
    body = answer.json()
    assert [s["study_uid"] for s in body["studies"]] == ["1.2.826.1"]
    assert {r["file"] for r in body["refused"]} == {"notes.txt", "empty.dcm"}
    assert all(r["reason"] and r["remedy"] for r in body["refused"])


async def test_an_upload_with_nothing_usable_is_a_problem_that_lists_every_file(client: httpx.AsyncClient) -> None:
    answer = await client.post(STUDIES, files=[("files", ("notes.txt", b"hello"))])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["refused"][0]["file"] == "notes.txt"


async def test_series_facts_and_warnings_are_shown(client: httpx.AsyncClient, study_uid: str) -> None:
    study = (await client.get(f"{STUDIES}/{study_uid}")).json()
    series = study["series"][0]
    assert (series["slices"], series["rows"], series["columns"]) == (3, 32, 32)
    assert series["pixel_spacing_mm"] == [0.5, 0.5]
    assert series["slice_spacing_mm"] == pytest.approx(2.0)
    assert (series["columns_towards"], series["rows_towards"]) == ("L", "P")
    assert series["display_window"] == [-160.0, 240.0]
    assert series["frame_of_reference_uid"] == f"{study_uid}.9"


async def test_more_files_of_a_study_are_added_to_it(client: httpx.AsyncClient, study_uid: str) -> None:
    await client.post(STUDIES, files=[("files", ("late.dcm", ct_slice(index=3)))])
    study = (await client.get(f"{STUDIES}/{study_uid}")).json()
    assert study["series"][0]["slices"] == 4
    assert len((await client.get(STUDIES)).json()["studies"]) == 1


async def test_a_study_uid_on_record_for_another_patient_is_refused(client: httpx.AsyncClient, study_uid: str) -> None:
    answer = await client.post(STUDIES, files=[("files", ("x.dcm", ct_slice(patient="P2", index=7)))])
    assert answer.status_code == 422
    assert "another patient" in answer.json()["refused"][0]["reason"]
    assert (await client.get(f"{STUDIES}/{study_uid}")).json()["series"][0]["slices"] == 3


async def test_names_on_disk_carry_nothing_of_the_sender(client: httpx.AsyncClient, services: Services) -> None:
    await client.post(STUDIES, files=[("files", ("SECRET^NAME.dcm", ct_slice()))])
    names = [str(path) for path in services.store.root.rglob("*")]
    assert len(names) >= 4
    assert not any("SECRET" in name for name in names)
    assert list(services.inbox.iterdir()) == []


async def test_a_zip_is_unpacked_whatever_it_is_called(client: httpx.AsyncClient) -> None:
    content = packed(**{"disc/1": ct_slice(index=0), "disc/2": ct_slice(index=1), "disc/readme.txt": b"hi"})
    body = (await client.post(STUDIES, files=[("files", ("study.bin", content))])).json()
    assert body["studies"][0]["image_count"] == 2
    assert [r["file"] for r in body["refused"]] == ["disc/readme.txt"]


async def test_a_hostile_zip_is_refused_member_by_member(client: httpx.AsyncClient, services: Services) -> None:
    buffer = io.BytesIO(packed(**{"../../up.dcm": ct_slice(), "/abs.dcm": ct_slice(), "inner.zip": packed(a=b"a")}))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.dcm", ct_slice())
    body = (await client.post(STUDIES, files=[("files", ("x.zip", buffer.getvalue()))])).json()
    assert body["studies"][0]["image_count"] == 1
    assert {r["file"] for r in body["refused"]} == {"../../up.dcm", "/abs.dcm", "inner.zip", "link.dcm"}
    assert not (services.inbox.parent / "up.dcm").exists()


def unpacked(content: bytes, folder: Path, limits: Limits) -> Unpacked:
    archive, out = folder / "bomb.zip", folder / "out"
    out.mkdir()
    archive.write_bytes(content)
    return unpack(archive, out, "bomb", limits)


def test_a_bomb_stops_at_the_limit_that_is_written_not_claimed(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(100_000)
    content = packed(a=noise * 30, b=noise * 30, c=noise)
    result = unpacked(content, tmp_path, Limits(archive_bytes=4_000_000))
    assert list(result.names.values()) == ["a"]
    assert [r.file for r in result.refused] == ["b", "bomb"]
    assert "1 more files" in result.refused[1].reason
    assert sum(f.stat().st_size for f in (tmp_path / "out").iterdir()) == 3_000_000
    few = unpack(tmp_path / "bomb.zip", tmp_path / "out", "bomb", Limits(archive_files=1))
    assert few.names == {}


def test_a_member_that_unpacks_to_hundreds_of_times_its_size_is_refused_unread(tmp_path: Path) -> None:
    result = unpacked(packed(**{f"{n}.dcm": bytes(2_000_000) for n in range(4)}), tmp_path, Limits())
    assert result.names == {}
    assert {r.reason for r in result.refused} == {"It unpacks to far more than an image does."}
    assert list((tmp_path / "out").iterdir()) == []


def test_many_small_bombs_are_one_large_one(tmp_path: Path) -> None:
    content = packed(**{f"{n}.dcm": bytes(1_000_000) for n in range(40)})
    result = unpacked(content, tmp_path, Limits())
    assert sum(f.stat().st_size for f in (tmp_path / "out").iterdir()) <= 250 * len(content)
    assert "more files of the archive were not unpacked" in result.refused[-1].reason


async def test_members_without_a_name_are_refused_and_the_rest_is_kept(client: httpx.AsyncClient) -> None:
    content = packed(**{"X": b"1", ".": b"2", "nul_x.dcm": b"3", "esc_.dcm": b"4", "good.dcm": ct_slice()})
    content = content.replace(b"nul_x.dcm", b"nul\0x.dcm").replace(b"esc_.dcm", b"esc\x1b.dcm")
    at = content.rindex(b"X", 0, content.index(b"PK\x05\x06"))  # the name in the directory, made NUL: read as ""
    content = content[:at] + b"\0" + content[at + 1 :]
    answer = await client.post(STUDIES, files=[("files", ("x.zip", content))])
    assert answer.status_code == 201
    assert answer.json()["studies"][0]["image_count"] == 1
    refused = {r["file"]: r["reason"] for r in answer.json()["refused"]}
    assert refused.keys() == {"0 x.zip, member 1", ".", "nul", "esc\ufffd.dcm"}
    assert [r for r in refused.values() if "no name" in r] == ["It has no name, or one with a NUL in it."] * 3


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_damaged_compression_costs_its_member_alone(client: httpx.AsyncClient, kind: int) -> None:
    buffer = io.BytesIO()
    noise = random.Random(2).randbytes(5000)
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("bad.dcm", noise)
        archive.writestr("good.dcm", ct_slice())
    content = bytearray(buffer.getvalue())
    content[50:3000] = b"\xff" * 2950
    answer = await client.post(STUDIES, files=[("files", ("x.zip", bytes(content)))])
    assert answer.status_code == 201
    (refused,) = answer.json()["refused"]
    assert refused["file"] == "bad.dcm"
    assert refused["reason"].startswith("It cannot be unpacked (")


async def test_a_refused_file_has_a_printable_name(client: httpx.AsyncClient) -> None:
    answer = await client.post(STUDIES, files=[("files", ("a\x1b[31mred.txt", b"hello"))])
    assert answer.json()["refused"][0]["file"] in {"a\ufffd[31mred.txt", "a%1B[31mred.txt"}


async def test_a_sender_that_hangs_up_ends_the_work(tmp_path: Path, services: Services) -> None:
    compute = PoolCompute(1)
    began = tmp_path / "began"
    intake = Intake(services.studies, services.store, compute, partial(endless, began))
    app = create_app(replace(services, intake=intake))
    request = httpx.Request("POST", f"http://127.0.0.1{STUDIES}", files=[("files", ("a.dcm", ct_slice()))])
    body: list[Message] = [{"type": "http.request", "body": request.read()}]
    sent: list[Message] = []

    async def receive() -> Message:
        while not body and not began.exists():
            await asyncio.sleep(0.01)
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": STUDIES,
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }
    try:
        await app(scope, receive, send)
        worker = int(began.read_text())
        assert sent == []
        assert await gone(worker)
        assert list(services.inbox.iterdir()) == list(services.store.root.glob(".staging-*")) == []
        assert await services.studies.list(services.nobody) == ()
    finally:
        compute.close()


def endless(began: Path, paths: list[Path], *, question: str = "") -> Ingest:
    """An ingest that never comes back."""
    part = began.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.rename(began)
    time.sleep(600)
    return ingest(paths, question=question)


async def test_a_request_over_the_limit_is_refused_with_and_without_a_length(services: Services) -> None:
    transport = httpx.ASGITransport(limited(services, upload_bytes=1000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post(STUDIES, files=[("files", ("a.dcm", ct_slice()))])
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:medimage:problem:upload-too-large")
        request = client.build_request("POST", STUDIES, files=[("files", ("a.dcm", ct_slice()))])
        body, kind = request.read(), request.headers["content-type"]

        async def chunks():
            yield body[:600]
            yield body[600:]

        answer = await client.post(STUDIES, content=chunks(), headers={"content-type": kind})
        assert answer.status_code == 413


async def test_a_picture_is_what_its_sender_says_it_is(client: httpx.AsyncClient, data: Path) -> None:
    picture = next((data / "cxr_nih").glob("*.png"))
    files = [("files", ("x.png", picture.read_bytes()))]
    silent = await client.post(STUDIES, files=files)
    assert silent.json()["studies"][0]["modality"] == "OT"
    told = await client.post(STUDIES, files=files, data={"described": "chest X-ray"})
    assert told.json()["studies"][0]["modality"] == "CR"
    assert (await client.post(STUDIES, files=files, data={"described": "x" * 501})).status_code == 422


async def test_what_is_not_a_form_with_files_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(STUDIES, json={})).status_code == 415
    answer = await client.post(STUDIES, files=[("other", ("a.dcm", ct_slice()))])
    assert (answer.status_code, answer.json()["detail"]) == (422, "files: No file was sent.")


async def test_a_slice_is_windowed_in_source_values(client: httpx.AsyncClient, study_uid: str) -> None:
    series = f"{STUDIES}/{study_uid}/series/{study_uid}.1/slices"
    answer = await client.get(f"{series}/1.png", params={"window": "-1000,1000"})
    assert answer.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    assert picture.shape == (32, 32)
    assert (picture[0, 0], picture[10, 10]) == (0, 153)  # (200 + 1000) / 2000 × 255
    lung = await client.get(f"{series}/1.png", params={"window": "lung"})
    assert lung.content == answer.content
    assert (await client.get(f"{series}/1.png")).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("0.png?window=5,5", 422), ("0.png?window=x", 422), ("3.png", 404)])
async def test_a_slice_that_cannot_be_shown_says_what_can(
    client: httpx.AsyncClient, study_uid: str, path: str, status: int
) -> None:
    answer = await client.get(f"{STUDIES}/{study_uid}/series/{study_uid}.1/slices/{path}")
    assert answer.status_code == status
    assert answer.json()["remedy"]
    assert (await client.get(f"{STUDIES}/{study_uid}/series/9/slices/0.png")).status_code == 404


def test_the_cache_forgets_the_picture_that_was_not_asked_for_longest() -> None:
    cache = PictureCache(size=2)
    cache.put(("a",), b"a")
    cache.put(("b",), b"b")
    assert cache.get(("a",)) == b"a"
    cache.put(("c",), b"c")
    assert (cache.get(("a",)), cache.get(("b",)), cache.get(("c",))) == (b"a", None, b"c")
