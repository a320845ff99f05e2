"""`python -m records.migrations "what changes"`: write the next revision as a draft.

It says what lies between the last revision and the classes, as SQLite sees it, and is to be read and corrected.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from alembic import command
from sqlalchemy import create_engine

from records.migrations import FOLDER, HEAD, configuration

if TYPE_CHECKING:
    from alembic.script import Script


def draft(message: str) -> Path:
    """Write the revision after `HEAD`; returns its file."""
    revision = f"{int(HEAD) + 1:04d}"
    name = f"r{revision}_{re.sub(r'[^a-z0-9]+', '_', message.lower()).strip('_')}"
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        config = configuration(connection)
        command.upgrade(config, "head")
        made = command.revision(config, message, autogenerate=True, rev_id=revision)
    written = Path(cast("Script", made).path)
    return written.rename(FOLDER / "versions" / f"{name}.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m records.migrations", description=__doc__)
    parser.add_argument("message", help="what changes, in a few words")
    print(draft(parser.parse_args().message))  # noqa: T201
