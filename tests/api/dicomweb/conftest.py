"""A study of three CT slices with SEG and SR, and the client that reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import FileDataset

from api.application import create_app
from api.services import Services
from tests.api.dicomweb.archive import WEB, analyse, listening


@pytest.fixture
async def analysed(services: Services, study_uid: str) -> str:
    """The study of `study_uid` with one analysis."""
    await analyse(services, study_uid)
    return study_uid


@pytest.fixture
def peer(services: Services) -> Iterator[DICOMwebClient]:
    """dicomweb-client at a server of its own over the same services."""
    with listening(create_app(services)) as address:
        yield DICOMwebClient(address + WEB)


def read(content: bytes) -> FileDataset:
    return dcmread(io.BytesIO(content))
