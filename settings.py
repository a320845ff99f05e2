"""Every setting, once: read from MEDIMAGE_… variables, nested with __, frozen. `app.py` is its only reader."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def header_safe(value: SecretStr) -> SecretStr:
    """A secret that a header can carry. The message never quotes it."""
    if not value.get_secret_value().isascii() or not (value.get_secret_value() or "x").isprintable():
        raise ValueError("a key has letters, digits and signs of ASCII only")
    return value


def known_zone(value: str) -> str:
    """The name of a time zone that there is."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("an IANA time zone, e.g. Europe/Berlin") from None
    return value


Key = Annotated[SecretStr, AfterValidator(header_safe)]
Zone = Annotated[str, AfterValidator(known_zone)]


class Frozen(BaseModel):
    """A branch of the tree: unknown names are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EndpointSettings(Frozen):
    """One online endpoint of a model; docs/azure.md tells how to configure it.

    url: the scoring URI, or the ARM ID (/subscriptions/…/onlineEndpoints/<name>).
    concurrency: calls in flight; 0 takes what the deployment allows.
    auth: empty takes the key when there is one, else what the endpoint says.
    requests_per_s, bytes_per_s: unset takes Azure's defaults for managed endpoints; infinity lifts the limit.
    daily_requests, daily_bytes, daily_cost: quota of a day, all processes together; alerts at 80, 95 and 100 %. STAT
    goes on when it is used up, unless quota_hard. The day ends at midnight in quota_zone, an IANA name.
    price_per_request, price_per_s: in the currency that you account in.
    min_instances, max_instances: how far `app.py scale` may change a deployment; without max_instances it does not.
    """

    url: str
    key: Key = SecretStr("")
    auth: Literal["", "key", "aml_token", "entra"] = ""
    deployment: str = ""
    concurrency: int = Field(default=0, ge=0, le=1024)
    version: str = ""
    name: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: Key = SecretStr("")
    managed_identity: bool = False
    cloud: str = "AzureCloud"
    scope: str = ""
    requests_per_s: float | None = Field(default=None, gt=0)
    bytes_per_s: float | None = Field(default=None, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    daily_requests: int | None = Field(default=None, ge=1)
    daily_bytes: int | None = Field(default=None, ge=1)
    daily_cost: float | None = Field(default=None, gt=0)
    quota_hard: bool = False
    quota_zone: Zone = "UTC"
    price_per_request: float = Field(default=0.0, ge=0)
    price_per_s: float = Field(default=0.0, ge=0)
    min_instances: int = Field(default=1, ge=1, le=1000)
    max_instances: int | None = Field(default=None, ge=1, le=1000)

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://", "/subscriptions/")):
            raise ValueError("a scoring URI (https://…) or an ARM ID (/subscriptions/…/onlineEndpoints/<name>)")
        return value

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.daily_cost is not None and not (self.price_per_request or self.price_per_s):
            raise ValueError("daily_cost needs price_per_request or price_per_s: without a price nothing is counted")
        if self.quota_hard and self.daily_requests is self.daily_bytes is self.daily_cost is None:
            raise ValueError("quota_hard needs daily_requests, daily_bytes or daily_cost")
        if self.max_instances is not None and not self.url.startswith("/subscriptions/"):
            raise ValueError("max_instances needs the endpoint's ARM ID as its url: a scoring URI cannot be scaled")
        if self.max_instances is not None and self.max_instances < self.min_instances:
            raise ValueError("max_instances is less than min_instances")
        return self


class ModelSettings(Frozen):
    """The endpoints of one model; empty means: only what is embedded."""

    endpoints: tuple[EndpointSettings, ...] = ()
    timeout_s: float = Field(default=90.0, gt=0, le=180)
    attempts: int = Field(default=3, ge=1, le=10)


class ClassifierSettings(Frozen):
    """Classifiers of your own: a folder with their model cards, and endpoints by card name."""

    folder: Path | None = None
    endpoints: dict[str, EndpointSettings] = Field(default_factory=dict)


class ModelsSettings(Frozen):
    """Imaging models.

    cache_mb: bounds the memory that answers are kept in; 0 keeps none.
    repeats: varied answers besides the first, whose agreement becomes a confidence; each costs a call a slice
    (a sample of slices for long series).
    """

    medimageparse: ModelSettings = ModelSettings()
    medimageparse3d: ModelSettings = ModelSettings(timeout_s=180.0)
    medimageinsight: ModelSettings = ModelSettings()
    cxrreportgen: ModelSettings = ModelSettings()
    classifiers: ClassifierSettings = ClassifierSettings()
    embedded: bool = True
    cache_mb: int = Field(default=256, ge=0)
    repeats: int = Field(default=0, ge=0, le=10)


class ChatSettings(Frozen):
    """The chat model behind the planner.

    context_tokens: what a request may hold (say 6000 for a model of 8k context); 0 for no limit.
    price_prompt_per_million, price_completion_per_million: of its tokens, in the currency that you account in.
    """

    provider: Literal["embedded", "openai", "azure_openai"] = "embedded"
    base_url: str = ""
    api_key: Key = SecretStr("")
    model: str = ""
    api_version: str = "2024-10-21"
    timeout_s: float = Field(default=60.0, gt=0)
    stream: bool = True
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_retries: int = Field(default=2, ge=0, le=10)
    context_tokens: int = Field(default=0, ge=0)
    price_prompt_per_million: float = Field(default=0.0, ge=0)
    price_completion_per_million: float = Field(default=0.0, ge=0)


class BudgetSettings(Frozen):
    """What one turn of the planner may use.

    tokens, money: of the chat model; unset for no limit.
    refinements: further tries at poor outlines.
    requested_refinements: further tries at one outline that a reader asks for in a conversation.
    """

    tool_calls: int = Field(default=60, ge=1)
    rounds: int = Field(default=20, ge=1)
    seconds: float = Field(default=1800.0, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    money: float | None = Field(default=None, gt=0)
    refinements: int = Field(default=4, ge=0, le=100)
    requested_refinements: int = Field(default=12, ge=0, le=100)


class HistorySettings(Frozen):
    """Where the patient's record is; what is uploaded here is always part of it.

    fhir_url, token: of the EHR's FHIR R4 server. identifier_systems: FHIR identifier system by DICOM issuer of the
    PatientID, "" for those without an issuer.
    page_size, pages, seconds: bounds of one reading.
    """

    fhir_url: str = ""
    token: Key = SecretStr("")
    identifier_systems: dict[str, str] = Field(default_factory=dict)
    page_size: int = Field(default=100, ge=1, le=1000)
    pages: int = Field(default=20, ge=1)
    seconds: float = Field(default=60.0, gt=0)


class PrivacySettings(Frozen):
    """What may leave this machine.

    release_burned_in: a person has checked that these images carry no burned-in identity.
    """

    release_burned_in: bool = False


class MemorySettings(Frozen):
    """What reviewers' feedback is kept in, and whether its use is tested.

    url, token: of a Chroma server that several processes share; empty takes a folder of this process alone.
    experiment: off follows advice always; ab follows it in half of the studies; shadow writes it down only.
    """

    enabled: bool = True
    url: str = ""
    token: Key = SecretStr("")
    experiment: Literal["off", "ab", "shadow"] = "off"

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("the address of a Chroma server (http://… or https://…), or nothing")
        return value


class ServerSettings(Frozen):
    """Where the service listens: on loopback, for the one local user. There is no login yet.

    work_deadline_s: after this long a piece of CPU work (reading a study, writing its files) is given up.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=2, ge=1)
    work_deadline_s: float = Field(default=900.0, gt=0)
    max_upload_mb: int = Field(default=2048, ge=1)

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, value: str) -> str:
        if value != "localhost" and not ip_address(value).is_loopback:
            raise ValueError("only a loopback address, as there is no login: 127.0.0.1, ::1 or localhost")
        return value


class JobsSettings(Frozen):
    """How a process works on jobs; docs/jobs.md tells more.

    slots: jobs at once; stat_slots: how many more of priority STAT.
    drain_s: how long a worker that is stopped lets jobs end, before it hands them back.
    when_model_is_down: partial ends a job whose model does not answer as a partial analysis; wait tries it again later.
    zone: of the hospital, an IANA name; the forecast of arrivals learns from the hours of its week.
    """

    slots: int = Field(default=1, ge=1, le=64)
    stat_slots: int = Field(default=1, ge=0, le=64)
    drain_s: float = Field(default=30.0, ge=0, le=3600)
    when_model_is_down: Literal["partial", "wait"] = "partial"
    zone: Zone = "UTC"


class WorklistSettings(Frozen):
    """Minutes in which a study shall have been read, by priority; 0 for no clock. Local policy: see docs/page.md."""

    stat_min: int = Field(default=60, ge=0, le=100_000)
    urgent_min: int = Field(default=360, ge=0, le=100_000)
    routine_min: int = Field(default=1440, ge=0, le=100_000)
    research_min: int = Field(default=0, ge=0, le=100_000)


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
    memory: MemorySettings = MemorySettings()
    history: HistorySettings = HistorySettings()
    server: ServerSettings = ServerSettings()
    jobs: JobsSettings = JobsSettings()
    worklist: WorklistSettings = WorklistSettings()

    @property
    def database(self) -> str:
        """SQLAlchemy URL: the configured one, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'medimage.sqlite').resolve()}"
