"""Every setting, once: read from MEDIMAGE_… variables, nested with __, frozen. `app.py` is its only reader."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Frozen(BaseModel):
    """A branch of the tree: unknown names are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EndpointSettings(Frozen):
    """One online endpoint of a model."""

    url: str
    key: SecretStr = SecretStr("")
    deployment: str = ""
    concurrency: int = Field(default=8, ge=1, le=1024)
    version: str = "unknown"

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("a scoring URI starts with https:// (http:// for a server on this machine)")
        return value


class ModelSettings(Frozen):
    """The endpoints of one model; empty means: only what is embedded."""

    endpoints: tuple[EndpointSettings, ...] = ()
    timeout_s: float = Field(default=90.0, gt=0, le=180)
    attempts: int = Field(default=3, ge=1, le=10)


class ModelsSettings(Frozen):
    """Imaging models."""

    medimageparse: ModelSettings = ModelSettings()
    medimageparse3d: ModelSettings = ModelSettings()
    medimageinsight: ModelSettings = ModelSettings()
    cxrreportgen: ModelSettings = ModelSettings()
    embedded: bool = True


class ChatSettings(Frozen):
    """The chat model behind the planner."""

    provider: Literal["embedded", "openai", "azure_openai"] = "embedded"
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    model: str = ""
    api_version: str = "2024-10-21"
    timeout_s: float = Field(default=60.0, gt=0)
    stream: bool = True
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_retries: int = Field(default=2, ge=0, le=10)


class BudgetSettings(Frozen):
    """What one turn of the planner may use."""

    tool_calls: int = Field(default=60, ge=1)
    rounds: int = Field(default=20, ge=1)
    seconds: float = Field(default=1800.0, gt=0)


class PrivacySettings(Frozen):
    """What may leave this machine.

    release_burned_in: a person has checked that these images carry no burned-in identity.
    """

    release_burned_in: bool = False


class ServerSettings(Frozen):
    """Where the service listens: on loopback, for the one local user. There is no login yet."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=2, ge=1)
    jobs: int = Field(default=1, ge=1)
    max_upload_mb: int = Field(default=2048, ge=1)

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, value: str) -> str:
        if value != "localhost" and not ip_address(value).is_loopback:
            raise ValueError("only a loopback address, as there is no login: 127.0.0.1, ::1 or localhost")
        return value


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="MEDIMAGE_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path = Path("var")
    database_url: str = ""
    demo: bool = False
    chat: ChatSettings = ChatSettings()
    models: ModelsSettings = ModelsSettings()
    budget: BudgetSettings = BudgetSettings()
    privacy: PrivacySettings = PrivacySettings()
    server: ServerSettings = ServerSettings()

    @property
    def database(self) -> str:
        """SQLAlchemy URL: the configured one, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'medimage.sqlite').resolve()}"
