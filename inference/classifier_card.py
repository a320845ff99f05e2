"""The card of a custom classifier: what it is shown, what it answers, and what it may be used for, as one YAML file.

Every field is asked for and checked; nothing has a default that could be wrong for a model. A threshold without a
source is refused: without one, a label has a score and no yes or no.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from domain.errors import ConfigurationError
from domain.model import Window

EXAMPLE = Path(__file__).with_name("classifier_cards") / "example-chest-radiograph.yaml"
"""A worked card for documentation and tests; no endpoint is behind it, and nothing loads it by itself."""

Colour = Literal["grey", "rgb"]
Values = Literal["probabilities", "logits"]

LARGEST_CARD = 64 * 2**10
LARGEST_SIDE = 4096
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FIELDS = frozenset(
    {"name", "version", "title", "modalities", "body_parts", "endpoint"}
    | {"labels", "exclusive", "intended_use", "not_for", "licence"}
)
_ENDPOINT_FIELDS = frozenset(["columns", "image_column", "size", "colour", "window", "values", "field"])
_LABEL_FIELDS = frozenset(["name", "threshold", "threshold_source"])


@dataclass(frozen=True)
class CardLabel:
    """A label, and from which probability on it counts as present."""

    name: str
    threshold: float | None = None
    threshold_source: str = ""


@dataclass(frozen=True)
class ClassifierCard:
    """All facts about a classifier.

    Attributes:
        modalities: DICOM modalities; body_parts: words of which one occurs in the body part; empty: any.
        columns: of the pandas-split request; `image_column` holds the PNG, the others "".
        size: side in pixels of the square that the slice is letterboxed into.
        window: how values become 8 bit; None shows percentiles 0.5–99.5, and 8-bit values as they are.
        values: what the endpoint answers.
        field: name under which it answers them, "" when a row is the scores themselves.
        labels: in the endpoint's order.
        exclusive: exactly one label is true: logits go through softmax, else each through the logistic function.
    """

    name: str
    version: str
    title: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    columns: tuple[str, ...]
    image_column: str
    size: int
    colour: Colour
    window: Window | None
    values: Values
    field: str
    labels: tuple[CardLabel, ...]
    exclusive: bool
    intended_use: str
    not_for: tuple[str, ...]
    licence: str


def load_card(path: Path) -> ClassifierCard:
    """The card in a YAML file.

    Raises:
        ConfigurationError: names the file and the field.
    """
    import yaml

    try:
        content = path.read_bytes()
        facts = yaml.safe_load(content) if len(content) <= LARGEST_CARD else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _wrong(path.name, "", "cannot be read as YAML") from error
    return _Reader(path.name).card(facts)


def load_cards(folder: Path) -> dict[str, ClassifierCard]:
    """All cards of a folder (*.yaml), keyed by name; an empty or missing folder has none.

    Raises:
        ConfigurationError: a card that is wrong, or a name that two cards have.
    """
    cards: dict[str, ClassifierCard] = {}
    for path in sorted(folder.glob("*.yaml")):
        card = load_card(path)
        if card.name in cards:
            raise _wrong(path.name, "name", f"{card.name!r} is another card's name already")
        cards[card.name] = card
    return cards


class _Reader:
    """Reads one card, field by field."""

    def __init__(self, file: str) -> None:
        self._file = file

    def card(self, facts: object) -> ClassifierCard:
        """The whole card."""
        top = self._mapping(facts, "", _FIELDS)
        endpoint = self._mapping(top["endpoint"], "endpoint", _ENDPOINT_FIELDS)
        name = self._text(top, "name")
        if not _NAME.fullmatch(name):
            raise self._error("name", "is not made of lower-case letters, digits, '.', '_' and '-'")
        columns = self._texts(endpoint, "columns")
        return ClassifierCard(
            name=name,
            version=self._text(top, "version"),
            title=self._text(top, "title"),
            modalities=tuple(word.upper() for word in self._texts(top, "modalities")),
            body_parts=tuple(word.casefold() for word in self._texts(top, "body_parts", empty=True)),
            columns=columns,
            image_column=self._one_of(endpoint, "image_column", columns),
            size=self._side(endpoint),
            colour=self._colour(endpoint),
            window=self._window(endpoint["window"]),
            values="logits"
            if self._one_of(endpoint, "values", ("probabilities", "logits")) == "logits"
            else "probabilities",
            field=self._text(endpoint, "field", empty=True),
            labels=self._labels(top["labels"]),
            exclusive=self._flag(top, "exclusive"),
            intended_use=self._text(top, "intended_use"),
            not_for=self._texts(top, "not_for"),
            licence=self._text(top, "licence"),
        )

    def _values(self, endpoint: Mapping[str, Any]) -> Values:
        return (
            "logits" if self._one_of(endpoint, "values", ("probabilities", "logits")) == "logits" else "probabilities"
        )

    def _colour(self, endpoint: Mapping[str, Any]) -> Colour:
        return "rgb" if self._one_of(endpoint, "colour", ("grey", "rgb")) == "rgb" else "grey"

    def _labels(self, facts: object) -> tuple[CardLabel, ...]:
        if not isinstance(facts, list) or not facts:
            raise self._error("labels", "is not a list of one or more labels")
        labels = tuple(self._label(one, f"labels[{number}]") for number, one in enumerate(facts))
        if len({label.name for label in labels}) != len(labels):
            raise self._error("labels", "names a label twice")
        return labels

    def _label(self, facts: object, where: str) -> CardLabel:
        label = self._mapping(facts, where, _LABEL_FIELDS)
        name, source = self._text(label, "name", where), self._text(label, "threshold_source", where, empty=True)
        threshold = label["threshold"]
        if threshold is None:
            return CardLabel(name)
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise self._error(f"{where}.threshold", "is not a probability above 0 and up to 1, or null")
        if not source:
            raise self._error(f"{where}.threshold_source", "is missing: a threshold needs a source")
        return CardLabel(name, float(threshold), source)

    def _window(self, facts: object) -> Window | None:
        if facts == "percentile":
            return None
        window = self._mapping(facts, "endpoint.window", frozenset({"name", "low", "high"}))
        low, high = window["low"], window["high"]
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high)) or not low < high:
            raise self._error("endpoint.window", "is neither 'percentile' nor has numbers low < high")
        return Window(self._text(window, "name", "endpoint.window"), float(low), float(high))

    def _side(self, facts: Mapping[str, Any]) -> int:
        side = facts["size"]
        if isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= LARGEST_SIDE:
            raise self._error("endpoint.size", f"is not a whole number from 1 to {LARGEST_SIDE}")
        return side

    def _mapping(self, facts: object, where: str, fields: frozenset[str]) -> dict[str, Any]:
        if not isinstance(facts, dict):
            raise self._error(where, "is not a mapping")
        strange, missing = facts.keys() - fields, fields - facts.keys()
        if strange or missing:
            word, names = ("unknown", strange) if strange else ("missing", missing)
            raise self._error(where, f"has {word} fields: {', '.join(sorted(map(str, names)))}")
        return facts

    def _text(self, facts: Mapping[str, Any], key: str, where: str = "", *, empty: bool = False) -> str:
        value = facts[key]
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self._error(f"{where}.{key}".lstrip("."), "is not text (numbers need quotes)")
        return " ".join(value.split())

    def _texts(self, facts: Mapping[str, Any], key: str, *, empty: bool = False) -> tuple[str, ...]:
        value = facts[key]
        texts = value if isinstance(value, list) else []
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in texts):
            raise self._error(key, "is not a list of texts")
        if len(set(texts)) != len(texts) or not (texts or empty):
            raise self._error(key, "is empty, or names something twice")
        return tuple(one.strip() for one in texts)

    def _one_of(self, facts: Mapping[str, Any], key: str, allowed: Sequence[str]) -> str:
        if facts[key] not in allowed:
            raise self._error(f"endpoint.{key}", f"is not one of {', '.join(allowed)}")
        return str(facts[key])

    def _flag(self, facts: Mapping[str, Any], key: str) -> bool:
        if not isinstance(facts[key], bool):
            raise self._error(key, "is neither true nor false")
        return bool(facts[key])

    def _error(self, field: str, reason: str) -> ConfigurationError:
        return _wrong(self._file, field, reason)


def _wrong(file: str, field: str, reason: str) -> ConfigurationError:
    what = f"{field} {reason}" if field else reason
    return ConfigurationError(f"A classifier's card is wrong: {what}.", where=f"{file} {field}".strip())
