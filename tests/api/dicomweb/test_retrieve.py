"""WADO-RS: what is sent is what was stored, in the form that was asked for."""

from __future__ import annotations

import asyncio
import io
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset

from api.application import create_app
from api.dicomweb.headers import INDEX
from api.services import Services
from domain.errors import PixelsUndecodable
from tests.api.dicomweb.archive import WEB, admit, analyse
from tests.api.engine import ct_slice

STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
EXPLICIT = "1.2.840.10008.1.2.1"


def parts(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """(Content-Type, bytes) of each part, read by the standard library's MIME parser."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    assert message.is_multipart()
    assert not message.defects
    boundary = message.get_boundary()
    assert boundary is not None
    bodies = answer.content.split(b"--" + boundary.encode())[1:-1]
    return [
        (str(part["Content-Type"]).replace('"', ""), body.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))
        for part, body in zip(message.iter_parts(), bodies, strict=True)
    ]


def read(content: bytes) -> FileDataset:
    return dcmread(io.BytesIO(content))


def instance(study: str, number: int = 1) -> str:
    return f"{WEB}/studies/{study}/series/{study}.1/instances/{study}.1.{number}"


async def got(client: httpx.AsyncClient, path: str, accept: str = "*/*") -> httpx.Response:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


async def test_an_instance_is_the_file_that_was_sent(client: httpx.AsyncClient, study_uid: str) -> None:
    [(kind, content)] = parts(await got(client, instance(study_uid), STORED))
    assert content == ct_slice(index=0)
    assert kind == f"application/dicom; transfer-syntax={EXPLICIT}"
    single = await got(client, instance(study_uid), "application/dicom; transfer-syntax=*")
    assert single.content == content


async def test_a_study_is_all_its_instances_with_seg_and_sr(client: httpx.AsyncClient, analysed: str) -> None:
    found = [read(content) for _, content in parts(await got(client, f"{WEB}/studies/{analysed}", STORED))]
    assert sorted(one.Modality for one in found) == ["CT", "CT", "CT", "SEG", "SR"]
    assert {one.StudyInstanceUID for one in found} == {analysed}
    series = await got(client, f"{WEB}/studies/{analysed}/series/{analysed}.1", STORED)
    assert len(parts(series)) == 3


async def test_a_segmentation_is_the_artifact_byte_for_byte(
    client: httpx.AsyncClient, services: Services, analysed: str
) -> None:
    written = {p.read_bytes() for p in services.analyses.folder("a1").glob("*.dcm")}
    sent = {content for _, content in parts(await got(client, f"{WEB}/studies/{analysed}", STORED))}
    assert written <= sent


async def test_a_rejected_analysis_is_not_shown(services: Services, client: httpx.AsyncClient, study_uid: str) -> None:
    await analyse(services, study_uid)
    for body in ({"action": "start"}, {"action": "reject", "reason": "the wrong organ"}):
        answer = await client.post("/api/v1/analyses/a1/review", json=body)
        assert answer.status_code == 200, answer.text
    assert len(parts(await got(client, f"{WEB}/studies/{study_uid}", STORED))) == 3


async def test_metadata_is_the_header_in_dicom_json(client: httpx.AsyncClient, study_uid: str) -> None:
    answer = await got(client, f"{WEB}/studies/{study_uid}/metadata")
    assert answer.headers["content-type"] == "application/dicom+json"
    assert len(answer.json()) == 3
    document = answer.json()[0]
    uri = document["7FE00010"]["BulkDataURI"]
    assert uri == f"http://127.0.0.1:8000{instance(study_uid)}/pixeldata"
    assert parts(await got(client, uri))[0][1] == read(ct_slice()).PixelData
    back = Dataset.from_json({tag: value for tag, value in document.items() if tag not in ("7FE00010", "00083002")})
    source = read(ct_slice(index=0))
    del source.PixelData
    assert back == Dataset(source)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ],
)
async def test_names_of_any_character_set_are_unicode_in_json(
    client: httpx.AsyncClient, services: Services, tmp_path: Path, character_set: str, name: str
) -> None:
    source = read(ct_slice())
    source.SpecificCharacterSet, source.PatientName = character_set, name
    source.save_as(tmp_path / "named.dcm")
    [record] = await admit(services, [tmp_path / "named.dcm"])
    [document] = (await got(client, instance(record.study_uid) + "/metadata")).json()
    assert document["00080005"]["Value"] == ["ISO_IR 192"]
    assert str(Dataset.from_json({"00100010": document["00100010"]}).PatientName) == name
    [study] = (await got(client, f"{WEB}/studies?PatientName={name.split('^', maxsplit=1)[0].upper()}*")).json()
    assert study["00100010"] == document["00100010"]


async def test_text_that_looks_like_a_reference_stays_text(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    source = read(ct_slice())
    source.SeriesDescription = '"BulkDataURI":"/studies/1"'
    source.save_as(tmp_path / "odd.dcm")
    [record] = await admit(services, [tmp_path / "odd.dcm"])
    [document] = (await got(client, instance(record.study_uid) + "/metadata")).json()
    assert document["0008103E"]["Value"] == ['"BulkDataURI":"/studies/1"']


async def test_numbers_that_json_has_no_word_for_are_left_out(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    source = read(ct_slice())
    source.RealWorldValueSlope = float("nan")
    source.save_as(tmp_path / "odd.dcm")
    [record] = await admit(services, [tmp_path / "odd.dcm"])
    [document] = (await got(client, instance(record.study_uid) + "/metadata")).json()
    assert "00409225" not in document


async def test_frames_are_native_pixels(client: httpx.AsyncClient, study_uid: str) -> None:
    pixels = read(ct_slice()).PixelData
    for accept in (
        "*/*",
        'multipart/related; type="application/octet-stream"',
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        f'multipart/related; type="application/octet-stream"; transfer-syntax={EXPLICIT}',
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
    ):
        [(kind, content)] = parts(await got(client, instance(study_uid) + "/frames/1", accept))
        assert content == pixels
        assert kind == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    single = await got(client, instance(study_uid) + "/frames/1", "application/octet-stream")
    assert single.content == pixels


async def test_frames_are_kept_by_the_browser_and_asked_for_again(client: httpx.AsyncClient, study_uid: str) -> None:
    first = await got(client, instance(study_uid) + "/frames/1")
    assert first.headers["cache-control"] == "private, no-cache"
    held = {"If-None-Match": first.headers["etag"]}
    again = await client.get(instance(study_uid) + "/frames/1", headers=held)
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(instance(study_uid, 2) + "/frames/1", headers=held)).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/studies/9.9.9/metadata", 404),
        ("/studies/1.2.826.1/series/9.9", 404),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/9.9", 404),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/frames/2", 404),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/frames/0", 404),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/frames/x", 422),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/frames/1,99999999999999999999", 400),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/bulkdata/00100010", 404),
        ("/studies/1.2.826.1/series/1.2.826.1.1/instances/1.2.826.1.1.1/bulkdata/../../x", 422),
        ("/studies/..%2F..%2Fetc/metadata", 404),
        ("/studies/a.b/metadata", 422),
        ("/studies/1..2/metadata", 422),
        ("/studies/1.2%00/metadata", 422),
        (f"/studies/{'1' * 65}/metadata", 422),
    ],
)
async def test_what_is_not_there_is_a_problem(
    client: httpx.AsyncClient, study_uid: str, path: str, status: int
) -> None:
    answer = await client.get(WEB + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("", "text/html"),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50'),
        ("", 'multipart/related; type="application/dicom+xml"'),
        ("/frames/1", 'multipart/related; type="image/jpeg"'),
        ("/metadata", "application/dicom+xml"),
        ("/rendered", "text/plain"),
        ("/frames/1", "application/octet-stream;q=0"),
    ],
)
async def test_what_cannot_be_made_is_not_acceptable(
    client: httpx.AsyncClient, study_uid: str, path: str, accept: str
) -> None:
    answer = await client.get(instance(study_uid) + path, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["remedy"]


async def test_rendered_is_a_window_of_the_values(client: httpx.AsyncClient, study_uid: str) -> None:
    png = await got(client, instance(study_uid) + "/rendered?window=0,2000", "image/png")
    shown = np.asarray(Image.open(io.BytesIO(png.content)))
    assert (int(shown[0, 0]), int(shown[10, 10])) == (0, 153)  # −1000 HU is black, 200 HU is 60 % of white
    jpeg = await got(client, instance(study_uid) + "/rendered")
    assert jpeg.headers["content-type"] == "image/jpeg"
    large = await got(client, instance(study_uid) + "/frames/1/rendered?viewport=100,80", "image/png")
    assert Image.open(io.BytesIO(large.content)).size == (80, 80)


@pytest.mark.parametrize("query", ["window=1", "window=0,-5", "viewport=0,5", "viewport=99999,9", "quality=0"])
async def test_a_look_that_cannot_be_is_refused(client: httpx.AsyncClient, study_uid: str, query: str) -> None:
    assert (await client.get(f"{instance(study_uid)}/rendered?{query}")).status_code == 400


async def test_thumbnails_at_every_level(client: httpx.AsyncClient, analysed: str) -> None:
    one = instance(analysed)
    for path in (one, one + "/frames/1", one.rpartition("/instances")[0], f"{WEB}/studies/{analysed}"):
        picture = Image.open(io.BytesIO((await got(client, path + "/thumbnail", "image/*")).content))
        assert max(picture.size) == 128
    found = (await client.get(f"{WEB}/studies/{analysed}/series?Modality=SR")).json()
    report = found[0]["0020000E"]["Value"][0]
    assert (await client.get(f"{WEB}/studies/{analysed}/series/{report}/thumbnail")).status_code == 406


async def actions(services: Services) -> list[str]:
    return [event.action for event in await services.audit.list(services.nobody, limit=1000)]


async def test_reading_a_study_is_one_line_in_the_ledger_however_many_frames(
    client: httpx.AsyncClient, services: Services, study_uid: str
) -> None:
    for _ in range(3):
        await got(client, f"{WEB}/studies/{study_uid}/metadata")
        for number in (1, 2, 3):
            await got(client, instance(study_uid, number) + "/frames/1")
    assert (await actions(services)).count("study.dicomweb") == 1


async def test_a_study_that_went_is_gone_at_once(client: httpx.AsyncClient, services: Services, study_uid: str) -> None:
    from sqlalchemy import text

    await got(client, instance(study_uid) + "/frames/1")
    await services.audit.database.transact(lambda session: session.execute(text("DELETE FROM studies")))
    assert (await client.get(instance(study_uid) + "/frames/1")).status_code == 404


async def test_headers_are_read_once(
    client: httpx.AsyncClient, services: Services, study_uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await got(client, f"{WEB}/studies/{study_uid}/metadata")
    assert (services.store.root / study_uid / INDEX).is_file()

    def never(path: Path) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("api.dicomweb.headers.read_instance", never)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services)), base_url="http://127.0.0.1:8000"
    ) as other:  # as after a restart: nothing is in memory
        assert (await got(other, f"{WEB}/studies/{study_uid}/metadata")).content == first.content


@pytest.mark.parametrize("damage", [b"", b"{", b'{"dicomweb-headers":1}\n["x"', b'{"dicomweb-headers":0}\n1\n2'])
async def test_a_damaged_index_is_made_again(
    client: httpx.AsyncClient, services: Services, study_uid: str, damage: bytes
) -> None:
    (services.store.root / study_uid / INDEX).write_bytes(damage)
    assert len((await got(client, f"{WEB}/studies/{study_uid}/metadata")).json()) == 3


async def test_many_at_once_read_the_headers_once(
    client: httpx.AsyncClient, study_uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.dicomweb import headers

    calls: list[Path] = []
    real = headers.read_instance
    monkeypatch.setattr(headers, "read_instance", lambda path: calls.append(path) or real(path))
    answers = await asyncio.gather(*(client.get(f"{WEB}/studies/{study_uid}/metadata") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(calls) == 3


async def test_a_bare_data_set_is_sent_as_a_file(client: httpx.AsyncClient, services: Services, tmp_path: Path) -> None:
    whole = ct_slice()
    meta = 132 + 12 + int.from_bytes(whole[140:144], "little")
    (tmp_path / "bare.dcm").write_bytes(whole[meta:])
    [record] = await admit(services, [tmp_path / "bare.dcm"])
    [(_, content)] = parts(await got(client, instance(record.study_uid), STORED))
    assert content[128:132] == b"DICM"
    assert content.endswith(whole[meta:])
    sent = read(content)
    assert sent.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
    assert np.array_equal(sent.pixel_array, read(whole).pixel_array)


async def test_a_file_that_is_gone_is_a_problem(client: httpx.AsyncClient, services: Services, study_uid: str) -> None:
    await got(client, instance(study_uid) + "/frames/1")
    real = list((services.store.root / study_uid / "files").iterdir())
    listed = services.store.root / study_uid / "files"
    for path in real:
        path.unlink()
    assert listed.is_dir()
    for path in ("", "/frames/1", "/rendered"):
        assert (await client.get(instance(study_uid) + path, headers={"Accept": "*/*"})).status_code == 404


async def test_writing_is_not_offered(client: httpx.AsyncClient, study_uid: str) -> None:
    for method in ("POST", "DELETE", "PUT"):
        answer = await client.request(method, f"{WEB}/studies/{study_uid}")
        assert answer.status_code == 405


async def test_what_cannot_be_made_into_another_form_is_sent_as_stored_and_says_so(
    client: httpx.AsyncClient, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in (0, 1):
        source = read(ct_slice(index=index))
        source.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
        source.save_as(tmp_path / f"{index}.dcm")
    [record] = await admit(services, sorted(tmp_path.glob("*.dcm")))
    series = f"{WEB}/studies/{record.study_uid}"
    made = parts(await got(client, series, 'multipart/related; type="application/dicom"'))
    assert {kind for kind, _ in made} == {f"application/dicom; transfer-syntax={EXPLICIT}"}

    def cannot(path: Path, target: Path) -> None:
        raise PixelsUndecodable("No decoder.")

    monkeypatch.setattr("api.dicomweb.sending.write_explicit_little_endian", cannot)
    sent = parts(await got(client, series, 'multipart/related; type="application/dicom"'))
    assert {kind for kind, _ in sent} == {"application/dicom; transfer-syntax=1.2.840.10008.1.2.5"}
    alone = await client.get(instance(record.study_uid), headers={"Accept": "application/dicom"})
    assert alone.status_code == 406
    assert list(services.inbox.glob("*")) == []
