"""Chroma: the folder or server that holds the collections, and its errors as ours.

Embeddings are always given: chromadb's default embedding function would download a model. Telemetry is off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from memory.errors import MemoryCorrupt, MemoryUnavailable
from memory.ownership import FolderLock

TIMEOUT_S = 5.0
"""Of one request to a server; chromadb itself would wait for ever."""


class VectorStore:
    """Collections of one folder or server. Calls are serialised; safe between threads."""

    def __init__(self, client: Any, where: str, release: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._where = where
        self._release = release
        self._lock = threading.RLock()
        self._open: dict[str, Any] = {}
        self._closed = False

    @classmethod
    def in_folder(cls, folder: Path) -> VectorStore:
        """Open a folder as its only owner.

        Raises:
            MemoryOwned, MemoryCorrupt, MemoryUnavailable.
        """
        lock = FolderLock(folder)
        try:
            with _translated(folder.name, MemoryCorrupt, "The memory's files cannot be read"):
                import chromadb

                client = chromadb.PersistentClient(str(folder), settings=_settings())
        except BaseException:
            _forget(folder)
            lock.release()
            raise
        return cls(client, folder.name, lock.release)

    @classmethod
    def at_url(cls, url: str, headers: Mapping[str, str] | None = None) -> VectorStore:
        """Use a Chroma server; `headers` carry its credentials.

        Raises:
            MemoryUnavailable: it does not answer.
        """
        import chromadb
        import httpx

        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        with _translated(f"{host}:{port}", MemoryUnavailable, "The memory's server does not answer"):
            httpx.get(
                f"{parts.scheme}://{host}:{port}/api/v2/heartbeat", timeout=TIMEOUT_S, headers=dict(headers or {})
            )
            client = chromadb.HttpClient(
                host=host, port=port, ssl=secure, headers=dict(headers or {}), settings=_settings()
            )
            # No setting of chromadb limits the time of a request.
            client._server._session.timeout = httpx.Timeout(TIMEOUT_S)  # type: ignore[attr-defined]
        return cls(client, f"{host}:{port}")

    @contextmanager
    def collection(self, name: str) -> Iterator[Any]:
        """A collection with cosine distance, made when it is not there; errors inside become ours."""
        with self._lock, _translated(self._where, MemoryUnavailable, "The memory failed"):
            self._require_open()
            if name not in self._open:
                self._open[name] = self._client.get_or_create_collection(
                    name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
                )
            yield self._open[name]

    def names(self, prefix: str) -> list[str]:
        """Names of the collections that start so, sorted."""
        with self._lock, _translated(self._where, MemoryUnavailable, "The memory failed"):
            self._require_open()
            return sorted(c.name for c in self._client.list_collections() if c.name.startswith(prefix))

    def close(self) -> None:
        """Let go of folder or server."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._open.clear()
            try:
                self._client.close()
            finally:
                self._release()

    def _require_open(self) -> None:
        if self._closed:
            raise MemoryUnavailable("The memory is closed.", where=self._where, remedy="Open it again.")


def _forget(folder: Path) -> None:
    """chromadb keeps the half-made system of a folder that it could not open, and would fail on a mended one."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient._identifier_to_system.pop(str(folder), None)


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False, allow_reset=False)


@contextmanager
def _translated(where: str, kind: type[MemoryUnavailable], fact: str) -> Iterator[None]:
    """chromadb's errors, and panics of its Rust core, as ours; their texts could quote what is kept."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, OSError, ValueError) as error:
        raise kind(f"{fact} ({type(error).__name__}).", where=where) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise kind(f"{fact} (its engine stopped).", where=where) from None
