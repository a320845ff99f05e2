"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres import Cluster, MigratedDatabases

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real images with published answers; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MEDIMAGE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "EXPECTED.json").exists():
        pytest.skip(f"no test data at {folder}: set MEDIMAGE_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of this session's own; the test is skipped where there is none to start."""
    from tests.postgres import INSTALL, programs, running

    binaries = programs()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is missing: {INSTALL}")
        pytest.skip(f"PostgreSQL is missing: {INSTALL}")
    with running(binaries) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Cluster) -> MigratedDatabases:
    """Databases with this version's tables."""
    from tests.postgres import MigratedDatabases

    return MigratedDatabases(postgres)


@pytest.fixture
def postgres_url(postgres: Cluster, migrated_postgres: MigratedDatabases) -> Iterator[str]:
    """A database of this test's own with this version's tables, on PostgreSQL."""
    name = migrated_postgres.take()
    yield postgres.url(name)
    migrated_postgres.give_back(name)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with this version's tables, to be copied."""
    from records.database import Database

    path = tmp_path_factory.mktemp("migrated") / "records.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A database of this test's own with this version's tables, in a file."""
    path = tmp_path / "records.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own with this version's tables: the test runs on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
