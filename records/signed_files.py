"""Files of an analysis after its draft: they follow the record, are checked against it, and are copied whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from domain.errors import SignatureBroken
from domain.lifecycle import Status
from tools.artifacts import json_bytes, write_whole
from tools.reviewed_pdf import reviewed_pdf
from tools.reviewed_report import restated

Document = Mapping[str, Any]

REPORT = "report.json"
TEXT = "report.md"
PAGES = "report.pdf"
MANIFEST = "manifest.json"
SEALED = "signed_files"
"""Field of a signed document: SHA-256 of every other file by name. The document itself is on record."""
REPLACED = "replaced_pages"
"""Field of a signed document: SHA-256 of the report.pdf that the signature made another one of."""
BUNDLE = "fhir-bundle.json"
"""Has sentences, and is not written again when a reviewer corrects one or adds to them."""
_MOST_IMAGES = 8
_DELIVERY = ("delivered_by", "delivered_at", "destination", "delivered_addenda")


def as_signed(document: Document) -> dict[str, Any]:
    """What the files say: of what was delivered, what was signed and is delivered."""
    if document.get("status") != Status.DELIVERED.value:
        return dict(document)
    kept = {name: value for name, value in document.items() if name not in _DELIVERY}
    return {**kept, "status": Status.SIGNED.value}


def left_out(document: Document) -> dict[str, str]:
    """Files that are not delivered, with the reason: they say another thing than the report."""
    if any("drafted" in finding for finding in document.get("findings", ())) or "drafted_summary" in document:
        return {BUNDLE: "It says a sentence that the reviewer corrected."}
    return {BUNDLE: "It does not say the addendum."} if document.get("addenda") else {}


def follow(folder: Path, document: Document) -> None:
    """Write report.json and report.md as the document says, where they do not say it yet; report.pdf once signed."""
    wanted = {REPORT: json_bytes(document)}
    if (folder / TEXT).exists():
        wanted[TEXT] = _text(folder / TEXT, document)
    for name, content in wanted.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    # Only what the signature replaced is written again: anything else is to be found when it is delivered.
    replaced = document.get(REPLACED)
    if replaced and (folder / PAGES).exists() and _digest(folder / PAGES) == replaced:
        write_whole(folder / PAGES, _pages(folder, document))


def sealed(folder: Path, document: Document, digests: Mapping[str, str]) -> dict[str, Any]:
    """The document with the hashes that a signature covers.

    Args:
        document: as it will be signed.
        digests: of the folder's files as they are; those of report.md and report.pdf are taken of what they will say.
    """
    covered = {name: digest for name, digest in digests.items() if name != REPORT}
    said = {**document, REPLACED: digests.get(PAGES, "")}
    if TEXT in covered:
        covered[TEXT] = sha256(_text(folder / TEXT, said)).hexdigest()
        if PAGES in covered:
            covered[PAGES] = sha256(_pages(folder, said)).hexdigest()
    return {**said, SEALED: covered}


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 in hexadecimal of each file, by name."""
    return {p.name: _digest(p) for p in sorted(folder.iterdir()) if p.is_file() and not p.is_symlink()}


def require_sealed(folder: Path, document: Document) -> dict[str, str]:
    """The hashes of a signed analysis's files.

    Raises:
        SignatureBroken: a file was changed, added or removed since it was signed.
    """
    signed = {**document.get(SEALED, {}), REPORT: sha256(json_bytes(document)).hexdigest()}
    found = digests_of(folder)
    changed = sorted(name for name in signed.keys() | found.keys() if signed.get(name) != found.get(name))
    if changed:
        raise SignatureBroken("These files are not what was signed.", where=", ".join(changed))
    return found


def copy_signed(folder: Path, target: Path, document: Document, facts: Mapping[str, Any]) -> None:
    """Copy a signed analysis with a manifest of its hashes; `target` is there whole or not at all.

    Files that still say a sentence which the reviewer corrected are left out, and the manifest names them.

    Args:
        document: as it was signed. facts: what the manifest says besides.

    Raises:
        SignatureBroken: the files are not what was signed, or others lie at `target`.
    """
    signed = require_sealed(folder, document)
    kept_back = {name: why for name, why in left_out(document).items() if name in signed}
    names = [name for name in signed if name not in kept_back]
    rows = [{"name": n, "sha256": signed[n], "bytes": (folder / n).stat().st_size} for n in names]
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():  # copied before, but not recorded
        _require_same(target, {name: signed[name] for name in names})
        return
    manifest = {**facts, "files": rows, "left_out": [{"name": n, "reason": why} for n, why in kept_back.items()]}
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
        part = Path(made) / target.name
        part.mkdir()
        for name in names:
            shutil.copyfile(folder / name, part / name)
            if _digest(part / name) != signed[name]:
                raise SignatureBroken("A file changed while it was copied.", where=name)
        (part / MANIFEST).write_bytes(json_bytes(manifest))
        try:
            part.replace(target)
        except OSError:
            if not target.exists():
                raise
            _require_same(target, {name: signed[name] for name in names})  # somebody else was first


def _require_same(target: Path, signed: Mapping[str, str]) -> None:
    """What was copied before counts when it is the same. Raises SignatureBroken."""
    found = digests_of(target)
    if found.pop(MANIFEST, "") == "" or found != signed:
        raise SignatureBroken("Other files lie where this analysis is delivered.", where=target.name)


def _text(path: Path, document: Document) -> bytes:
    return restated(path.read_text(encoding="utf-8"), document).encode("utf-8")


def _pages(folder: Path, document: Document) -> bytes:
    images = [path.read_bytes() for path in sorted(folder.glob("*.overlay.png"))[:_MOST_IMAGES]]
    return reviewed_pdf(_text(folder / TEXT, document).decode("utf-8"), document, images)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
