"""Checks of everything that is configured: what works, what does not, what to do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from agents.chat_models import ChatConfiguration
from domain.errors import MedImageError
from inference.azure.discovery import AzureEndpoints
from inference.azure.examination import examine as look
from inference.azure.setting import EndpointSetting

FREE_GIB = 2
"""Below this much free disk an import of a large study may not fit."""


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report."""

    name: str
    state: State
    detail: str
    remedy: str = ""

    def line(self) -> str:
        """For a terminal."""
        remedy = f" → {self.remedy}" if self.remedy else ""
        return f"[{self.state.value:>4}] {self.name}: {self.detail}{remedy}"


@dataclass(frozen=True)
class EndpointToCheck:
    """A model's endpoint, and the variable that it is configured in."""

    setting: EndpointSetting
    variable: str


def data_folder(folder: Path) -> Check:
    """The data folder can be written and has room."""
    name = "data folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Check(name, State.FAIL, f"{folder}: {reason}", "Set MEDIMAGE_DATA_DIR to a folder you may write.")
    if free < FREE_GIB:
        return Check(name, State.WARN, f"{folder}: {free:.1f} GiB free", "Make room, or set MEDIMAGE_DATA_DIR.")
    return Check(name, State.OK, f"{folder}: {free:.0f} GiB free")


def database(url: str) -> Check:
    """The records' database answers. The address is shown without its password."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    name = "database"
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("select 1"))
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        remedy = "Correct MEDIMAGE_DATABASE_URL, or install the driver that it names."
        return Check(name, State.FAIL, f"no connection ({type(error).__name__})", remedy)
    return Check(name, State.OK, shown)


def decoders() -> Check:
    """DICOM's compressed transfer syntaxes can be decoded."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import (
        HTJ2K,
        JPEG2000,
        JPEG2000Lossless,
        JPEGBaseline8Bit,
        JPEGLosslessSV1,
        JPEGLSLossless,
        RLELossless,
    )

    wanted = (JPEGBaseline8Bit, JPEGLosslessSV1, JPEG2000Lossless, JPEG2000, JPEGLSLossless, RLELossless, HTJ2K)
    absent = [uid.name for uid in wanted if not get_decoder(uid).is_available]
    if absent:
        return Check("decoders", State.FAIL, f"none for {', '.join(absent)}", "Install again with `make run`.")
    return Check("decoders", State.OK, f"{len(wanted)} compressed transfer syntaxes")


async def endpoint(checked: EndpointToCheck, azure: AzureEndpoints, client: httpx.AsyncClient) -> list[Check]:
    """An endpoint is found, takes the credential and answers. Nothing is scored."""
    name = checked.setting.label
    states = {"ok": State.OK, "warn": State.WARN, "fail": State.FAIL}
    return [
        Check(
            f"{name} {finding.step}",
            states[finding.state],
            finding.detail,
            f"{finding.remedy} ({checked.variable})" if finding.remedy else "",
        )
        for finding in await look(checked.setting, azure, client)
    ]


async def chat(client: httpx.AsyncClient, configuration: ChatConfiguration) -> Check:
    """The chat provider answers and takes the key."""
    name = "chat model"
    if not configuration.remote:
        return Check(name, State.OK, "built-in planner (no chat model is configured)")
    try:
        configuration.check()
    except MedImageError as error:
        return Check(name, State.FAIL, error.reason, error.remedy)
    base = (configuration.base_url or "https://api.openai.com/v1").rstrip("/")
    azure = configuration.provider == "azure_openai"
    url = f"{base}/openai/models?api-version={configuration.api_version}" if azure else f"{base}/models"
    headers = (
        {"api-key": configuration.api_key or "none"} if azure else {"Authorization": f"Bearer {configuration.api_key}"}
    )
    try:
        reply = await client.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = f"no answer from {urlsplit(base).netloc} ({type(error).__name__})"
        return Check(name, State.FAIL, why, "Check MEDIMAGE_CHAT__BASE_URL; until then the built-in planner works.")
    if reply.status_code in (401, 403):
        return Check(
            name, State.FAIL, f"the key is refused (HTTP {reply.status_code})", "Check MEDIMAGE_CHAT__API_KEY."
        )
    if reply.status_code != 200:
        return Check(
            name, State.WARN, f"{configuration.model}: it answers HTTP {reply.status_code}", "Ask it something."
        )
    return Check(name, State.OK, f"{configuration.model} at {urlsplit(base).netloc}")


def segmentation_models(names: Sequence[str]) -> Check:
    """At least one model can answer."""
    if not names:
        remedy = "Configure MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS, or leave MEDIMAGE_MODELS__EMBEDDED on."
        return Check("models", State.FAIL, "none", remedy)
    return Check("models", State.OK, ", ".join(names))


class Doctor:
    """Runs all checks, telling each as it is done.

    Args:
        report: told of each check.
    """

    def __init__(self, report: Callable[[Check], None]) -> None:
        self._report = report
        self._good = True

    def _tell(self, check: Check) -> None:
        self._good = self._good and check.state is not State.FAIL
        self._report(check)

    async def examine(
        self,
        folder: Path,
        database_url: str,
        endpoints: Sequence[EndpointToCheck],
        configuration: ChatConfiguration,
        models: Sequence[str],
    ) -> bool:
        """Check everything; True when nothing failed."""
        self._tell(data_folder(folder))
        self._tell(database(database_url))
        self._tell(decoders())
        self._tell(segmentation_models(models))
        azure = AzureEndpoints()
        async with httpx.AsyncClient(timeout=10) as client:
            for checked in endpoints:
                for check in await endpoint(checked, azure, client):
                    self._tell(check)
            self._tell(await chat(client, configuration))
        return self._good
