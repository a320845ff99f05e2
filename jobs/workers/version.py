"""Which program this is: jobs that one version began are gone on with by workers of the same version only."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("domain", "tools", "prompts", "memory", "inference", "interop", "records", "plugins", "agents", "jobs")
"""What a run is made of: a change in any of them may make it take other steps."""
_SUFFIXES = frozenset({".py", ".yaml", ".md", ".txt", ".json"})


@cache
def application_version(software_version: str, root: Path = ROOT) -> str:
    """The version of the software and a fingerprint of its files, e.g. "0.4.0+3f2a9c1d"."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in _SUFFIXES and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(path.read_bytes())
    return f"{software_version[:48]}+{digest.hexdigest()[:12]}"
