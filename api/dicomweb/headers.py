"""The headers of a study's instances, read once and kept beside its files.

The index is a cache: it lies in the study's own folder, goes when that folder is replaced or removed, and knows each
file by a key that changes with its content. It holds what the headers hold, no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from domain.ports import Compute
from tools.dicom_instance import Instance, read_instance
from tools.dicom_json import encoded

INDEX = "dicomweb-headers.jsonl"
_VERSION = b'{"dicomweb-headers":1}'
IN_MEMORY = 8
"""Studies whose headers stay in memory: about 10 KB an instance."""


@dataclass(frozen=True)
class Source:
    """A file, under a key that changes with its content; `derived` for what an analysis made."""

    key: str
    path: Path
    derived: bool = False


@dataclass(frozen=True)
class Stored:
    """An instance and the file it lies in."""

    instance: Instance
    source: Source

    @property
    def tag(self) -> str:
        """A validator for whatever is made of this file alone."""
        return sha256(self.source.key.encode()).hexdigest()[:32]


Known = dict[str, Instance | None]


class Headers:
    """Reads headers where they are not known yet; in a compute process, once at a time for each study."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._known: OrderedDict[Path, Known] = OrderedDict()
        self._locks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, folder: Path, sources: Sequence[Source]) -> list[Stored]:
        """The instances among `sources`, in their order; files that are none are left out.

        Args:
            folder: of the study, where the index is kept.
        """
        wanted = {source.key for source in sources}
        known = self._known.get(folder, {})
        if not wanted <= known.keys():
            async with self._locks[folder]:
                known = await self._learn(folder, sources, wanted)
        if folder in self._known:
            self._known.move_to_end(folder)
        return [Stored(found, source) for source in sources if (found := known.get(source.key)) is not None]

    async def _learn(self, folder: Path, sources: Sequence[Source], wanted: set[str]) -> Known:
        known = self._known.get(folder, {})
        if not wanted <= known.keys():  # nobody else learned it while this waited
            known = await asyncio.to_thread(load, folder / INDEX)
        missing = [source for source in sources if source.key not in known]
        if missing:
            await self._compute.run(extend, folder / INDEX, missing, sorted(wanted))
            known = await asyncio.to_thread(load, folder / INDEX)
        self._known[folder] = known
        while len(self._known) > IN_MEMORY:
            self._known.popitem(last=False)
        return known


def extend(index: Path, missing: Iterable[Source], wanted: Sequence[str]) -> None:
    """Read the missing headers and write the index with them, without what is not wanted any more."""
    known = load(index)
    for source in missing:
        with contextlib.suppress(FileNotFoundError):  # the study is being replaced: the next listing knows
            known[source.key] = read_instance(source.path)
    lines = [_VERSION]
    for key in (key for key in wanted if key in known):
        instance = known[key]
        facts = None if instance is None else dataclasses.asdict(instance) | {"metadata": None}
        lines += [encoded([key, facts]), b"" if instance is None else instance.metadata]
    beside = index.with_name(f".{index.name}.{uuid.uuid4().hex}")
    beside.write_bytes(b"\n".join(lines))
    beside.replace(index)


def load(index: Path) -> Known:
    """What the index knows; nothing where it is missing, damaged or of another version."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        version, *lines = index.read_bytes().split(b"\n")
        if version == _VERSION:
            return dict(_entry(*pair) for pair in zip(lines[::2], lines[1::2], strict=True))
    return {}


def _entry(facts: bytes, metadata: bytes) -> tuple[str, Instance | None]:
    key, values = json.loads(facts)
    return str(key), None if values is None else Instance(**_typed(values), metadata=metadata)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "metadata"}
