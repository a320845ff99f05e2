"""MedImageParse 3D of the Azure AI Foundry catalogue: text-prompted segmentation of a whole volume.

Source: Azure AI Foundry documentation, model card and notebooks of MedImageParse 3D; they differ in places.

Request (pandas split): `{"input_data": {"columns": ["image", "text"], "index": [0], "data": [[.nii.gz as base64,
"sentence 1 & sentence 2"]]}, "params": {}}`, one volume a call.
Answer: `[{"nifti_file": "{\\"data\\": \\"<.nii.gz as base64>\\"}"}]` (JSON text or an object): one label map, 0 is
background. It names no labels: that label i is sentence i is an inference, checked as far as it can be, and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import BurnedInTextSuspected, TargetRefused
from domain.geometry import Geometry
from domain.model import ModelIdentity
from domain.ports import Compute
from domain.privacy import Deidentified
from domain.study import Series, Volume
from inference.series.mask import GatheredMask, SeriesMask
from inference.series.slice_choice import every_slice
from inference.wire_json import AnswerReader, Scorer, base64_cell, identity_at, scored, split_body, text_cell
from inference.wire_nifti import Affine, Labels, decode_labels, encode_volume, ras_affine
from tools.deidentification import burned_in_text_reason

NAME = "MedImageParse3D"
SEPARATOR = " & "
MODALITIES = {"CT": "CT", "MR": "MRI", "PT": "PET"}
"""DICOM modalities that the model is made for, and what its sentences call them."""

ORDER_INFERRED = (
    "label order is inferred: the answer does not name its labels, label i was taken for the i-th target asked for"
)
FACE_LEFT = (
    "a volume of the head was sent to a remote model with the face's surface in it "
    "(DICOM PS3.15 E.3.2 Clean Recognizable Visual Features is not applied)"
)
_FACE_WORDS = ("head", "brain", "skull", "face", "neuro", "orbit", "sinus", "neck")
_READER = AnswerReader("MedImageParse 3D")


@dataclass(frozen=True)
class VolumePrompt:
    """A target, and the sentence that asks for it; the target itself where there is none."""

    target: str
    text: str = ""

    @property
    def key(self) -> str:
        """The target in lower case, as masks are named."""
        return self.target.casefold().strip()

    @property
    def sentence(self) -> str:
        """What is sent, with single spaces."""
        return " ".join((self.text or self.target).split())


@dataclass(frozen=True, eq=False)
class VolumeSegmentation:
    """Masks keyed by target in lower case, in source voxels, and what a reader must know about them."""

    masks: dict[str, SeriesMask]
    warnings: tuple[str, ...]


def prompt_sentence(target: str, modality: str, region: str = "") -> str:
    """The sentence form of the documentation: "CT imaging of the spleen within the abdomen"."""
    within = f" within the {region.strip().casefold()}" if region.strip() else ""
    return f"{MODALITIES.get(modality.upper(), modality)} imaging of the {target.strip()}{within}"


def require_prompts(prompts: Sequence[VolumePrompt]) -> None:
    """Refuse what the contract cannot carry.

    Raises:
        TargetRefused: no prompt, an empty one, the same target twice, or one that the contract would split.
    """
    names = [prompt.key for prompt in prompts]
    if not names or len(set(names)) != len(names):
        raise TargetRefused("Each target of a volume is asked for once, and there is at least one.", where="prompts")
    for prompt in prompts:
        if not prompt.target.strip() or not prompt.sentence or "&" in prompt.sentence:
            raise TargetRefused(
                "A prompt must not be empty or contain '&', which separates prompts.",
                remedy="Ask for each structure by a prompt of its own.",
                where="prompts",
            )


def request_body(array: NDArray[np.generic], affine: Affine, prompts: Sequence[VolumePrompt]) -> bytes:
    """The body that asks for all prompts in one volume: voxels, affine and sentences, nothing else.

    Args:
        array: (slices, rows, columns) in real-world values.
        affine: [column, row, slice, 1] → RAS millimetres.

    Raises:
        TargetRefused, PixelsUndecodable.
    """
    require_prompts(prompts)
    text = text_cell(SEPARATOR.join(prompt.sentence for prompt in prompts))
    return split_body(("image", "text"), [(base64_cell(encode_volume(array, affine)), text)])


def parse_response(raw: bytes, shape: tuple[int, int, int], affine: Affine) -> Labels:
    """(slices, rows, columns) labels on the grid that was sent.

    Args:
        shape: slices, rows, columns of the volume.
        affine: [column, row, slice, 1] → RAS millimetres, as it was sent.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract.
    """
    answer = _READER.document(raw)
    first = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(first, dict) and "nifti_file" not in first and "image_features" in first:
        raise _READER.broken("stacked masks without an affine in place of a NIfTI file", "image_features")
    (row,) = _READER.rows(answer, 1, "nifti_file")
    fields = _READER.nested(row["nifti_file"], "nifti_file")
    if not isinstance(fields, dict) or "data" not in fields:
        raise _READER.broken("not an object with data", "nifti_file")
    return decode_labels(_READER.base64_bytes(fields["data"], "nifti_file.data"), shape, affine, _READER)


def assigned_labels(labels: Labels, count: int) -> tuple[list[int], tuple[str, ...]]:
    """The label of each of `count` prompts, and what is uncertain about that.

    One prompt takes the only label there is, whatever its number. Of several, label i goes to prompt i.

    Raises:
        ModelResponseInvalid: labels that the prompts cannot explain.
    """
    found = _present(labels)
    if count == 1 and len(found) == 1:
        return found, () if found == [1] else (f"the only label of the answer is {found[0]}, not 1",)
    if any(label > count for label in found):
        shown = ", ".join(map(str, found[:8])) + (", …" if len(found) > 8 else "")
        raise _READER.broken(f"labels {shown} for {count} prompts", "nifti_file.data")
    return list(range(1, count + 1)), _doubts(found, count)


def read_labels(
    raw: bytes, shape: tuple[int, int, int], affine: Affine, count: int
) -> tuple[Labels, list[int], tuple[str, ...]]:
    """Labels on the grid that was sent, the label of each prompt, and what is uncertain about that.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract.
    """
    labels = parse_response(raw, shape, affine)
    return labels, *assigned_labels(labels, count)


def _present(labels: Labels) -> list[int]:
    """Labels that occur, without background; plane by plane, so that a large map needs no second copy."""
    seen: set[int] = set()
    for plane in labels:
        seen.update(np.flatnonzero(np.bincount(plane.ravel())).tolist())
    return sorted(seen - {0})


def _doubts(found: list[int], count: int) -> tuple[str, ...]:
    missing = sorted(set(range(1, count + 1)) - set(found))
    if count == 1 or not found or not missing:
        return () if count == 1 else (ORDER_INFERRED,)
    names = ", ".join(map(str, missing))
    return (
        ORDER_INFERRED,
        f"of {count} targets asked for, labels {names} are absent and count as not found; a model that numbers only "
        "what it finds would shift the others: check each mask against its target",
    )


def deidentify_volume(
    body: bytes, series: Series, *, destination_is_local: bool, released: bool = False
) -> Deidentified[bytes]:
    """A body that `request_body` made (voxels, affine, sentences) as a value that a model may be sent.

    The rules are those of `tools.deidentification.deidentify_image`.

    Raises:
        BurnedInTextSuspected: voxels may carry identity, the model is elsewhere, and nobody released them.
    """
    if destination_is_local:
        return Deidentified(body, "stays on this machine")
    if released:
        return Deidentified(body, "voxels and affine only; released by a person")
    reason = burned_in_text_reason(series)
    if reason:
        raise BurnedInTextSuspected(f"The voxels may carry identity: {reason}.", where=f"series {series.modality}")
    return Deidentified(body, "voxels and affine only; no burned-in text to be expected")


class MedImageParse3D:
    """A MedImageParse 3D endpoint."""

    def __init__(self, transport: Scorer, *, compute: Compute) -> None:
        self._transport = transport
        self._compute = compute

    @property
    def identity(self) -> ModelIdentity:
        """MedImageParse 3D, in the version that the configuration names."""
        return identity_at(NAME, self._transport)

    async def segment(
        self, volume: Volume, prompts: Sequence[VolumePrompt], *, released: bool = False
    ) -> VolumeSegmentation:
        """Masks of all prompts in source voxels, from one call.

        Args:
            released: a person has looked at burned-in text and let the voxels go to a remote model.

        Raises:
            TargetRefused: prompts that the contract cannot carry, colour, or a modality it was not made for.
            SpacingMissing, GeometryInvalid: no grid in the patient, one slice, or uneven slices.
            BurnedInTextSuspected: voxels must not leave this machine.
            ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
        _require_fitting(volume)
        affine = ras_affine(volume.geometry)
        body = await self._compute.run(request_body, volume.array, affine, tuple(prompts))
        local = self.identity.local
        safe = deidentify_volume(body, volume.series, destination_is_local=local, released=released)
        shape, count = volume.geometry.shape, len(prompts)
        labels, numbers, doubts = await scored(
            self._transport, safe, lambda raw: self._compute.run(read_labels, raw, shape, affine, count)
        )
        masks = [_series_mask(p.key, labels, n, volume.geometry) for p, n in zip(prompts, numbers, strict=True)]
        said = (*doubts, *_face_warning(volume.series, local))
        return VolumeSegmentation({mask.target: mask for mask in masks}, said)


def _require_fitting(volume: Volume) -> None:
    modality = volume.series.modality
    if modality.upper() not in MODALITIES:
        raise TargetRefused(f"{NAME} is made for CT, MR and PET, not for {modality or 'an unnamed modality'}.")
    if volume.array.ndim != 3:
        raise TargetRefused(f"{NAME} takes one value a voxel, not colour.")


def _series_mask(target: str, labels: Labels, label: int, geometry: Geometry) -> SeriesMask:
    gathered = GatheredMask(target, geometry.shape)
    for number, plane in enumerate(labels):
        gathered.add(number, np.asarray(plane == label), "binary", "")
    return gathered.result(every_slice(geometry))


def _face_warning(series: Series, local: bool) -> tuple[str, ...]:
    words = f"{series.body_part} {series.description} {series.protocol}".casefold()
    return (FACE_LEFT,) if not local and any(word in words for word in _FACE_WORDS) else ()
