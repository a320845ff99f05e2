"""What a DICOMweb client can get wrong, as rows of the API's one table of statuses (PS3.18 8.5)."""

from __future__ import annotations

from api.errors import STATUS
from domain.errors import MedImageError, NotFound


class QueryRefused(MedImageError):
    """A query parameter that cannot be understood, or not be matched."""

    remedy_default = "See docs/dicomweb.md for what can be asked; leave the parameter out to get everything."


class NotAcceptable(MedImageError):
    """Nothing that the client accepts can be made of this."""

    remedy_default = (
        'Accept `multipart/related; type="application/dicom"; transfer-syntax=*` to get it as it is stored.'
    )


class InstanceNotFound(NotFound):
    """No such series, instance, frame or value in this study."""

    remedy_default = "Search the study for what it holds: GET …/series and …/instances."


STATUS |= {QueryRefused: 400, NotAcceptable: 406, InstanceNotFound: 404}
