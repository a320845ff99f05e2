"""The version of an analysis that a caller read."""

from __future__ import annotations

import re

from api.errors import Outdated

_TAG = re.compile(r'\s*(?:W/)?"(\d{1,18})"\s*')


def version_read(if_match: str) -> int | None:
    """Of an If-Match header; None where the caller does not say, or takes any.

    Raises:
        Outdated: no tag of ours, so that it cannot be the present one.
    """
    if not if_match or "*" in {tag.strip() for tag in if_match.split(",")}:
        return None
    found = _TAG.fullmatch(if_match)
    if found is None:
        raise Outdated("The analysis has no such version.", where="If-Match")
    return int(found[1])
