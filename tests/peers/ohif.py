"""Fetch OHIF, the viewer that DICOMweb is tested with, into `tests/peers/ohif`: the package from npm, by its hash.

python tests/peers/ohif.py
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

NAME, VERSION = "@ohif/app", "3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
HERE = Path(__file__).resolve().parent
TARGET = HERE / "ohif"
UNUSED = "package/dist/ort/"
"""Runtimes of its own models, half of the package."""


def npm() -> tuple[list[str], dict[str, str]]:
    """npm as the page's build runs it."""
    spec = importlib.util.spec_from_file_location("web_build", HERE.parents[1] / "web" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: tuple[list[str], dict[str, str]] = module.npm()
    return found


def main() -> None:
    """Nothing where it is already; a message, and no error, where the registry cannot be reached."""
    if (TARGET / "dist" / "index.html").is_file():
        return
    command, environment = npm()
    with tempfile.TemporaryDirectory() as folder:
        packing = [*command, "pack", "--silent", f"{NAME}@{VERSION}"]
        done = subprocess.run(packing, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            print(f"peer missing: OHIF ({done.stderr.strip()[-300:]})")
            return
        found = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if found != SHA512:
            sys.exit(f"{NAME} {VERSION} is not the package that was tested: its SHA-512 is {found}.")
        with tarfile.open(archives[0]) as archive:
            wanted = [member for member in archive if not member.name.startswith(UNUSED)]
            for member in wanted:
                member.name = member.name.removeprefix("package/")
            archive.extractall(TARGET, members=wanted, filter="data")


if __name__ == "__main__":
    main()
