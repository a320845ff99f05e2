"""Which model is asked first, and what is said when there is none."""

from __future__ import annotations

import pytest

from domain.errors import ModelUnavailable
from inference.catalogue import Catalogue
from inference.local.in_process import embedded_models
from inference.medimageparse import MedImageParse
from inference.transport.transport import Endpoint, EndpointTransport, open_client


@pytest.fixture
async def remote() -> MedImageParse:
    async with open_client() as client:
        return MedImageParse(EndpointTransport(Endpoint("https://models.example/score", version="7"), client))


def test_embedded_only_where_it_knows_the_target() -> None:
    catalogue = Catalogue([], embedded_models())
    assert [c.model.identity.name for c in catalogue.select("CT", "Lungs")] == ["embedded-ct"]
    assert [c.model.identity.name for c in catalogue.select("CT", "brain", "HEAD")] == ["embedded-head-ct"]
    assert [c.model.identity.name for c in catalogue.select("DX", "left lung")] == ["embedded-cxr"]
    assert [c.model.identity.name for c in catalogue.select("SM", "nuclei")] == ["embedded-nuclei"]
    for modality, target in (("CT", "liver"), ("MR", "brain"), ("CR", "heart"), ("CR", "brain")):
        with pytest.raises(ModelUnavailable, match="not available on this machine; configure an endpoint"):
            catalogue.select(modality, target)
        assert catalogue.candidates(modality, target) == ()


async def test_endpoints_come_first_and_the_reason_is_said(remote: MedImageParse) -> None:
    catalogue = Catalogue([remote], embedded_models())
    first, second = catalogue.select("CR", "lung", "CHEST")
    assert first.model is remote
    assert "0.973" in first.reason
    assert second.model.identity.name == "embedded-cxr"
    assert "embedded" in second.reason
    (guess,) = catalogue.select("CT", "bile duct")
    assert guess.known is None
    assert "not among" in guess.reason


async def test_rows_say_what_a_model_is_for(remote: MedImageParse) -> None:
    everything = Catalogue([remote, remote], embedded_models()).rows()
    rows = {row.name: row for row in everything if row.available}
    absent = {row.name for row in everything if not row.available}
    assert absent == {"MedImageParse3D", "MedImageInsight", "CXRReportGen", "GigaPath", "GigaTIME"}
    assert next(iter(rows)) == "MedImageParse"
    assert len(rows) == 5
    assert "pancreas" in rows["MedImageParse"].targets
    assert rows["embedded-ct"].targets[0] == "lung"
    for row in rows.values():
        assert row.licence
        assert row.intended_use
        assert row.research_use
        assert row.modalities


async def test_identity(remote: MedImageParse) -> None:
    assert str(remote.identity) == "MedImageParse@7"
    assert not remote.identity.local
    assert remote.accepts("PT", "anything at all")
    assert not remote.accepts("CT", "a & b")
