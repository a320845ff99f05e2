"""The chat models behind the planner: any OpenAI-compatible server, Azure OpenAI, or the built-in one.

A remote model receives de-identified messages only: the one door to the wire scrubs them and takes nothing
but a `Deidentified` value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

from agents.builtin import NAME, BuiltinPlanner
from domain.errors import ConfigurationError
from domain.privacy import Deidentified
from domain.study import Patient
from tools.deidentification_text import scrub_identifiers, scrub_text

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_PROTOCOL = frozenset({"role", "type", "id", "tool_call_id", "index"})
"""Members of a chat message that the protocol fills, never a person."""


@dataclass(frozen=True)
class ChatConfiguration:
    """Which chat model, and how long to wait for it.

    Attributes:
        temperature: None leaves it to the model; reasoning models refuse any other.
    """

    provider: Literal["embedded", "openai", "azure_openai"] = "embedded"
    base_url: str = ""
    api_key: str = ""
    model: str = ""
    api_version: str = "2024-10-21"
    timeout_s: float = 60.0
    stream: bool = True
    temperature: float | None = None
    max_retries: int = 2

    @property
    def remote(self) -> bool:
        """A model outside this process."""
        return self.provider != "embedded"

    @property
    def name(self) -> str:
        """What the result calls the planner's model."""
        return self.model if self.remote else NAME

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: a remote provider without model or address.
        """
        if not self.remote:
            return
        for field, value in (("MODEL", self.model), ("BASE_URL", self.base_url)):
            if not value and not (field == "BASE_URL" and self.provider == "openai"):
                raise ConfigurationError(
                    f"The chat provider {self.provider} needs it.",
                    where=f"MEDIMAGE_CHAT__{field}",
                    remedy=f"Set MEDIMAGE_CHAT__{field}, or MEDIMAGE_CHAT__PROVIDER=embedded.",
                )


def deidentified_messages(messages: Sequence[Any], patient: Patient) -> Deidentified[list[Any]]:
    """The wire's messages without the patient's identity.

    What people wrote (user messages) loses everything that looks like identity; what our own tools and the
    model wrote loses the patient's identifiers.
    """

    def clean(value: Any, scrub: Callable[[str, Patient], Deidentified[str]]) -> Any:
        if isinstance(value, str):
            return scrub(value, patient).value
        if isinstance(value, list):
            return [clean(v, scrub) for v in value]
        if isinstance(value, dict):
            return {k: v if k in _PROTOCOL else clean(v, scrub) for k, v in value.items()}
        return value

    scrubbed = [clean(m, scrub_text if m.get("role") == "user" else scrub_identifiers) for m in messages]
    return Deidentified(scrubbed, "identity scrubbed from every message")


class RemoteChat(OpenAIChatCompletion):
    """OpenAI's or Azure OpenAI's chat completion whose requests cannot carry the patient's identity."""

    _patient: Patient = PrivateAttr(default=Patient())

    def __init__(self, model: str, client: AsyncOpenAI, patient: Patient) -> None:
        super().__init__(ai_model_id=model, service_id="planner", async_client=client)
        self._patient = patient

    async def _send_request(self, settings: Any) -> Any:
        return await self._send_deidentified(settings, deidentified_messages(settings.messages, self._patient))

    async def _send_deidentified(self, settings: Any, messages: Deidentified[list[Any]]) -> Any:
        settings.messages = messages.value
        return await super()._send_request(settings)


def chat_client(configuration: ChatConfiguration) -> AsyncOpenAI:
    """One pooled client for a provider; the caller closes it."""
    from openai import AsyncAzureOpenAI, AsyncOpenAI

    configuration.check()
    if configuration.provider == "azure_openai":
        return AsyncAzureOpenAI(
            azure_endpoint=configuration.base_url,
            azure_deployment=configuration.model,
            api_version=configuration.api_version,
            timeout=configuration.timeout_s,
            max_retries=configuration.max_retries,
            **_azure_credential(configuration.api_key),
        )
    return AsyncOpenAI(
        base_url=configuration.base_url or None,
        api_key=configuration.api_key or "none",
        timeout=configuration.timeout_s,
        max_retries=configuration.max_retries,
    )


def _azure_credential(api_key: str) -> dict[str, Any]:
    if api_key:
        return {"api_key": api_key}
    from azure.identity.aio import DefaultAzureCredential, get_bearer_token_provider

    scope = "https://cognitiveservices.azure.com/.default"
    return {"azure_ad_token_provider": get_bearer_token_provider(DefaultAzureCredential(), scope)}


def remote_chat(configuration: ChatConfiguration, client: AsyncOpenAI, patient: Patient) -> ChatCompletionClientBase:
    """The configured remote model, bound to the patient whose identity must not leave."""
    return RemoteChat(configuration.model, client, patient)


def builtin_chat() -> ChatCompletionClientBase:
    """The built-in planner model."""
    return BuiltinPlanner(ai_model_id=NAME, service_id="planner")
