"""What `make run` shows to somebody who has no images at hand."""

from __future__ import annotations

from pathlib import Path

from api.services import Services


async def load_demo(services: Services) -> None:
    """Put real, public images into an empty store, so that a newcomer has something to ask about."""
    from pydicom.data import get_testdata_file

    if await services.studies.list(services.nobody):
        return
    # A chest radiograph without a pixel size, and an abdominal CT slice with one.
    paths = [get_testdata_file(name, download=False) for name in ("RG1_UNCR.dcm", "explicit_VR-UN.dcm")]
    await services.intake.admit(services.nobody, [Path(str(path)) for path in paths if path is not None])
