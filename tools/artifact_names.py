"""Names of an analysis's files: of the series that they belong to, never of a patient."""

from __future__ import annotations

import re

from tools.derived_uid import derived_uuid

_SAFE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-]{0,127}")


def artifact_stem(series_uid: str) -> str:
    """The series UID as a file name; a derived one where the UID is not fit to be one."""
    return series_uid if _SAFE_NAME.fullmatch(series_uid) else str(derived_uuid("artifact", series_uid))
