"""highdicom's questions to the Standard's tables, answered once each.

For every SEG and SR that it makes, highdicom walks through thousands of rows to learn whether an information object
has pixel data or several frames, and which attributes stand in a module: a third of the time that an object takes. The
tables never change, so the answer to the same question is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import highdicom.base
import highdicom.image
import highdicom.sr.content
from highdicom import _standard_utils as tables

_asked = tables.is_attribute_in_iod
_built = tables.construct_module_tree

construct_module_tree = lru_cache(maxsize=32)(_built)
"""As highdicom's function of this name, which only reads what it is given."""


@lru_cache(maxsize=1024)
def _known(attribute: str, sop_class_uid: str, excluded: tuple[str, ...] | None) -> bool:
    return bool(_asked(attribute, sop_class_uid, excluded))


def is_attribute_in_iod(attribute: str, sop_class_uid: str, exclude_path_elements: Sequence[str] | None = None) -> bool:
    """As highdicom's function of this name. Raises KeyError for an unknown SOP class."""
    return _known(attribute, sop_class_uid, None if exclude_path_elements is None else tuple(exclude_path_elements))


def keep_answers() -> None:
    """Let highdicom ask here; once more does nothing. The names are its own: where one is gone, it asks as ever."""
    askers: tuple[Any, ...] = (tables, highdicom.base, highdicom.sr.content)
    for module in askers:
        if getattr(module, "is_attribute_in_iod", None) is _asked:
            module.is_attribute_in_iod = is_attribute_in_iod
    images: Any = highdicom.image
    if getattr(images, "construct_module_tree", None) is _built:
        images.construct_module_tree = construct_module_tree
