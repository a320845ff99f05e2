"""`/dicom-web`: what a DICOMweb client reads here. See docs/dicomweb.md.

PS3.18 describes these routes; they are not part of the API's own description, which the page's types are made of.
"""

from __future__ import annotations

from fastapi import APIRouter

from api.dicomweb.picture_endpoints import router as pictures
from api.dicomweb.retrieve_endpoints import router as retrieve
from api.dicomweb.search_endpoints import ROOT
from api.dicomweb.search_endpoints import router as search

router = APIRouter(prefix=ROOT, include_in_schema=False)
for _part in (search, retrieve, pictures):
    router.include_router(_part)
