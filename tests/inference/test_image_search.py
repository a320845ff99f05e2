"""Image search is exact, forgets on demand, and survives being saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.errors import ConfigurationError
from inference.image_search import ImageIndex, Item

MODEL = "MedImageInsight@1"


def units(count: int, size: int = 16, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(count, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def filled(count: int = 200, size: int = 16) -> tuple[ImageIndex, NDArray[np.float32]]:
    index, vectors = ImageIndex(MODEL, size=size), units(count, size)
    for number, vector in enumerate(vectors):
        index.add(Item(f"i{number:04d}", f"g{number // 4}"), "CT" if number % 2 else "CR", vector)
    return index, vectors


def test_search_is_exact() -> None:
    index, vectors = filled()
    for query in units(20, seed=9):
        hits = index.search(query, modality="CR", count=7)
        similarities = vectors @ query
        expected = [f"i{n:04d}" for n in np.argsort(-similarities) if n % 2 == 0][:7]
        assert [hit.item.item_id for hit in hits] == expected
        assert [hit.similarity for hit in hits] == pytest.approx(
            np.sort(similarities[::2])[::-1][:7].tolist(), abs=1e-6
        )
        assert {hit.modality for hit in hits} == {"CR"}


def test_its_own_group_can_be_left_out() -> None:
    index, vectors = filled()
    hits = index.search(vectors[0], modality="CR", count=200, without_group="g0")
    assert "g0" not in {hit.item.group for hit in hits}
    assert len(hits) == 98
    assert index.search(vectors[0], modality="CR", count=1)[0].item == Item("i0000", "g0")
    assert index.search(vectors[0], modality="CR", count=1)[0].similarity == pytest.approx(1)


def test_equal_images_come_by_id() -> None:
    index = ImageIndex(MODEL, size=16)
    vector = units(1)[0]
    for name in ("c", "a", "b", "d"):
        index.add(Item(name), "MR", vector)
    assert [hit.item.item_id for hit in index.search(vector, modality="MR", count=3)] == ["a", "b", "c"]
    assert index.search(vector, modality="CT") == ()


def test_an_id_is_replaced_even_across_modalities() -> None:
    index, vectors = ImageIndex(MODEL, size=16), units(2)
    index.add(Item("a"), "CT", vectors[0])
    index.add(Item("a", "g"), "MR", vectors[1])
    assert len(index) == 1
    assert index.modalities == {"MR": 1}
    assert index.search(vectors[1], modality="MR")[0].item.group == "g"


@pytest.mark.parametrize("item", [Item(""), Item("Miller^Anna"), Item("a b"), Item("a", "born 1950"), Item("x" * 129)])
def test_only_opaque_ids_are_taken(item: Item) -> None:
    with pytest.raises(ValueError, match="id has"):
        ImageIndex(MODEL, size=16).add(item, "CT", units(1)[0])


def test_only_unit_vectors_of_its_size_are_taken() -> None:
    index = ImageIndex(MODEL, size=16)
    for vector in (units(1)[0] * 2, units(1, 8)[0], np.full(16, np.nan, np.float32)):
        with pytest.raises(ValueError, match="unit vector"):
            index.add(Item("a"), "CT", vector)
        with pytest.raises(ValueError, match="unit vector"):
            index.search(vector, modality="CT")
    with pytest.raises(ValueError, match="modality"):
        index.add(Item("a"), "../CT", units(1)[0])
    with pytest.raises(ValueError, match="results"):
        index.search(units(1)[0], modality="CT", count=0)
    assert len(index) == 0


def test_saved_and_read_again(tmp_path: Path) -> None:
    index, vectors = filled()
    index.save(tmp_path)
    read = ImageIndex.load(tmp_path, model=MODEL)
    query = units(1, seed=3)[0]
    assert read.search(query, modality="CT", count=20) == index.search(query, modality="CT", count=20)
    assert isinstance(read.vectors("CT"), np.memmap)
    assert not read.vectors("CT").flags.writeable
    assert read.remove("i0001")
    assert not read.remove("i0001")
    read.add(Item("new"), "CT", vectors[1])
    assert read.search(vectors[1], modality="CT", count=1)[0].item.item_id == "new"
    assert index.search(vectors[1], modality="CT", count=1)[0].item.item_id == "i0001"
    read.save(tmp_path)
    again = ImageIndex.load(tmp_path, model=MODEL)
    assert "i0001" not in again
    assert "new" in again
    assert len(list(tmp_path.iterdir())) == 3


def test_an_emptied_index_is_saved_too(tmp_path: Path) -> None:
    index = ImageIndex(MODEL, size=16)
    index.add(Item("a"), "CT", units(1)[0])
    index.save(tmp_path)
    index.remove("a")
    index.save(tmp_path)
    assert len(ImageIndex.load(tmp_path, model=MODEL)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["index.json"]


def test_vectors_of_another_model_are_not_read(tmp_path: Path) -> None:
    filled()[0].save(tmp_path)
    with pytest.raises(ConfigurationError, match="another model"):
        ImageIndex.load(tmp_path, model="MedImageInsight@2")


@pytest.mark.parametrize(
    "damage", ["no_file", "not_json", "cut_vectors", "changed_vectors", "one_item_less", "twice", "outside", "format"]
)
def test_damage_is_found(tmp_path: Path, damage: str) -> None:
    filled()[0].save(tmp_path)
    facts = json.loads((tmp_path / "index.json").read_text())
    table = facts["tables"]["CT"]
    vectors = tmp_path / table["file"]
    if damage == "no_file":
        vectors.unlink()
    elif damage == "cut_vectors":
        vectors.write_bytes(vectors.read_bytes()[:-40])
    elif damage == "changed_vectors":
        vectors.write_bytes(vectors.read_bytes()[:-4] + b"\0\0\0\0")
    elif damage == "one_item_less":
        table["items"].pop()
    elif damage == "twice":
        table["items"][1] = table["items"][0]
    elif damage == "outside":
        table["file"] = f"../{tmp_path.name}/{table['file']}"
    elif damage == "format":
        facts["format"] = 2
    (tmp_path / "index.json").write_text("{" if damage == "not_json" else json.dumps(facts))
    with pytest.raises(ConfigurationError, match="missing or damaged"):
        ImageIndex.load(tmp_path, model=MODEL)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 9), st.integers(0, 5)), max_size=60))
def test_any_history_equals_its_outcome(history: list[tuple[str, int, int]]) -> None:
    index, vectors = ImageIndex(MODEL, size=16), units(6)
    outcome: dict[str, tuple[str, int]] = {}
    for verb, number, version in history:
        name, modality = f"i{number}", "CT" if version % 2 else "MR"
        if verb == "add":
            index.add(Item(name), modality, vectors[version])
            outcome[name] = (modality, version)
        else:
            assert index.remove(name) == (outcome.pop(name, None) is not None)
    assert len(index) == len(outcome)
    for name, (modality, version) in outcome.items():
        hits = index.search(vectors[version], modality=modality, count=20)
        assert {hit.item.item_id for hit in hits if hit.similarity > 0.999} == {
            other for other, kept in outcome.items() if kept == (modality, version)
        }
        assert name in index
