"""What to look at when a question names no target (protocols.yaml), and which regions an examination shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from domain.model import Window
from prompts.data import read_yaml, strings
from prompts.lexicon import ANYWHERE, lexicon
from prompts.words import phrase

_LETTERS = re.compile(r"[^A-Z]+")


@dataclass(frozen=True)
class Protocol:
    """Default targets in passes: organs, their parts, lesions.

    Attributes:
        when: folded phrases of an indication, any one is enough; empty fits every indication.
        parts: BodyPartExamined values that select it by themselves.
        level: "screening" or "diagnostic".
        basis: the clinical standard behind it.
    """

    name: str
    modality: str
    region: str
    passes: tuple[tuple[str, ...], ...]
    level: str
    basis: str
    when: tuple[tuple[str, ...], ...] = ()
    parts: frozenset[str] = frozenset()

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets in the order of the passes."""
        return tuple(target for one in self.passes for target in one)


@dataclass(frozen=True, eq=False)
class Protocols:
    """All protocols with the windows and regions that they share.

    Attributes:
        windows: CT windows by name.
        site_windows: name of the CT window of a site.
        sites: the published evaluation's sites in a region.
    """

    all: tuple[Protocol, ...]
    windows: Mapping[str, Window]
    site_windows: Mapping[str, str]
    sites: Mapping[str, tuple[str, ...]]
    near: Mapping[str, tuple[str, ...]]
    body_parts: Mapping[str, tuple[str, ...]]

    def regions(self, body_part: str) -> tuple[str, ...]:
        """Regions that BodyPartExamined or a region's name says are in view; empty when it says nothing."""
        part = _LETTERS.sub("", body_part.upper())
        return self.body_parts.get(part, ())

    def partly(self, body_part: str) -> frozenset[str]:
        """Regions beside those in view: seen in part."""
        regions = self.regions(body_part)
        return frozenset(n for region in regions for n in self.near[region]) - frozenset(regions)

    def window(self, site: str) -> Window | None:
        """The CT window of a site, None for sites without one."""
        return self.windows.get(self.site_windows.get(site, ""))

    def mentioned(self, spoken: Sequence[str]) -> bool:
        """Whether folded words hold an indication of any protocol."""
        said = tuple(spoken)
        return any(_contains(said, words) for protocol in self.all for words in protocol.when)

    def select(self, modality: str, body_part: str, indication: str = "") -> Protocol | None:
        """The first protocol that fits modality, region and words, else the one without words; None without any."""
        family = lexicon().family(modality)
        regions = self.regions(body_part)
        part = _LETTERS.sub("", body_part.upper())
        spoken = phrase(indication)
        fitting = [p for p in self.all if p.modality == family and (p.region in regions or p.region == ANYWHERE)]
        ranked = sorted(fitting, key=lambda p: (p.region == ANYWHERE, p.region in regions and regions.index(p.region)))
        worded = (p for p in ranked if any(_contains(spoken, words) for words in p.when))
        by_part = (p for p in ranked if part in p.parts)
        plain = (p for p in ranked if not p.when and not p.parts)
        return next(worded, None) or next(by_part, None) or next(plain, None)


def _contains(spoken: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(spoken[i : i + len(wanted)] == wanted for i in range(len(spoken) - len(wanted) + 1))


@cache
def protocols() -> Protocols:
    """The protocols, read once."""
    raw = read_yaml("protocols.yaml")
    parts: dict[str, tuple[str, ...]] = {}
    for region, names in raw["body_parts"].items():
        for name in {*names, region.upper()}:
            parts[name] = (*parts.get(name, ()), region)
    return Protocols(
        all=tuple(_protocol(p) for p in raw["protocols"]),
        windows={name: Window(name, float(low), float(high)) for name, (low, high) in raw["windows"].items()},
        site_windows=raw["site_windows"],
        sites={region: strings(sites) for region, sites in raw["sites"].items()},
        near={region: strings(others) for region, others in raw["near"].items()},
        body_parts=parts,
    )


def _protocol(raw: dict[str, object]) -> Protocol:
    passes = raw["passes"]
    if not isinstance(passes, list):
        raise ValueError(f"protocols.yaml: {raw['name']!r} has no passes")
    return Protocol(
        name=str(raw["name"]),
        modality=str(raw["modality"]),
        region=str(raw["region"]),
        passes=tuple(strings(one) for one in passes),
        level=str(raw["level"]),
        basis=str(raw["basis"]),
        when=tuple(phrase(w) for w in strings(raw.get("when", []))),
        parts=frozenset(strings(raw.get("parts", []))),
    )
