"""One scoring endpoint as configuration: where it is, how it is paid, and how much it may be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from domain.errors import ConfigurationError
from inference.transport.credentials import Credential
from inference.transport.quota import DailyQuota

IN_PROCESS_HOST = "embedded.invalid"
"""Host of endpoints that an ASGI transport answers in this process (RFC 6761: never resolves)."""

DEADLINE_S = 180.0
"""The longest that Azure ML lets a managed endpoint's scoring take."""

LARGEST_ANSWER = 512 * 2**20


@dataclass(frozen=True, repr=False)
class Endpoint:
    """A scoring URI and how to call it.

    Attributes:
        concurrency: calls in flight at once; published for MedImageParse: 8 an instance.
        name: what people call it; its host when empty.
        version: of the model behind it, from configuration; the wire does not say.
        model: which model is behind it, for the result cache; its name when empty.
        credential: gives and renews the bearer value, instead of `key`.
        requests_per_s, bytes_per_s: None is unlimited; `inference.transport.limits` has those of managed endpoints.
        daily: what a UTC day may use.
        deadline_s: for one try from connecting to the last byte; None: 180, in process without end.
        price_per_request: of an answered request. price_per_s: of one call's second at the endpoint
            (an instance's price divided by the calls that it serves at once).
        largest_answer: bytes after decompression.
    """

    url: str
    key: str = ""
    deployment: str = ""
    concurrency: int = 8
    name: str = ""
    version: str = "unknown"
    model: str = ""
    credential: Credential | None = field(default=None, compare=False)
    requests_per_s: float | None = None
    bytes_per_s: float | None = None
    daily: DailyQuota = field(default_factory=DailyQuota)
    deadline_s: float | None = None
    price_per_request: float = 0.0
    price_per_s: float = 0.0
    largest_answer: int = LARGEST_ANSWER

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ConfigurationError(
                "An endpoint's URL must be http(s)://host/path, without a name or password in it.",
                where=self.name or "models endpoints",
            )
        self._check_url()
        self._check_headers()
        self._check_numbers()

    def _check_url(self) -> None:
        try:
            httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ConfigurationError("An endpoint's URL cannot be read.", where=self.label) from error

    def _check_headers(self) -> None:
        for field_name, value in (("key", self.key), ("deployment", self.deployment)):
            if not (value.isascii() and (value.isprintable() or not value)):
                raise ConfigurationError(
                    f"An endpoint's {field_name} has characters that no header can carry.", where=self.label
                )

    def _check_numbers(self) -> None:
        if self.concurrency < 1:
            raise ConfigurationError("An endpoint's concurrency must be at least 1.", where=self.label)
        for value in (self.requests_per_s, self.bytes_per_s, self.deadline_s):
            if value is not None and not value > 0:
                raise ConfigurationError("An endpoint's rates and deadline must be above 0.", where=self.label)

    def __repr__(self) -> str:
        return f"Endpoint({self.label})"

    @property
    def host(self) -> str:
        """Host name of the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def label(self) -> str:
        """How errors and logs call it: name and host."""
        return f"{self.name} ({self.host})" if self.name else self.host

    @property
    def served_model(self) -> str:
        """What is behind it, as far as the configuration says."""
        return self.model or self.name or self.host

    @property
    def longest_s(self) -> float | None:
        """Deadline of one try; None for none."""
        if self.deadline_s is not None:
            return self.deadline_s
        return None if self.host == IN_PROCESS_HOST else DEADLINE_S

    @property
    def local(self) -> bool:
        """True when pixels sent there stay on this machine: in this process, or on loopback."""
        if self.host in (IN_PROCESS_HOST, "localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False
