"""The chat models behind the planner: any OpenAI-compatible server, Azure OpenAI, or the built-in one.

A remote model receives de-identified messages only: the one door to the wire scrubs them and takes nothing
but a `Deidentified` value.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.contents import ChatMessageContent, StreamingChatMessageContent

from agents.builtin.chat import NAME, BuiltinPlanner
from agents.builtin.plan import Task
from agents.context import fitted
from agents.usage import FREE, Price, Usage
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
        context_tokens: what a request may hold, answer excluded; 0 for no limit.
        price: of its tokens.
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
    context_tokens: int = 0
    price: Price = FREE

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
    _context_tokens: int = PrivateAttr(default=0)
    _usage: Usage = PrivateAttr(default_factory=Usage)

    def __init__(self, configuration: ChatConfiguration, client: AsyncOpenAI, patient: Patient, usage: Usage) -> None:
        super().__init__(ai_model_id=configuration.model, service_id="planner", async_client=client)
        self._patient = patient
        self._context_tokens = configuration.context_tokens
        self._usage = usage

    async def _send_request(self, settings: Any) -> Any:
        messages = fitted(settings.messages, settings.tools, self._context_tokens)
        return await self._send_deidentified(settings, deidentified_messages(messages, self._patient))

    async def _inner_get_chat_message_contents(self, chat_history: Any, settings: Any) -> list[ChatMessageContent]:
        messages: list[ChatMessageContent] = await super()._inner_get_chat_message_contents(chat_history, settings)
        self._count(messages[0].metadata if messages else {})
        return messages

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: Any, settings: Any, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        pieces = super()._inner_get_streaming_chat_message_contents(chat_history, settings, function_invoke_attempt)
        async for messages in pieces:
            self._count(messages[0].metadata if messages else {})
            yield messages

    def _count(self, metadata: Mapping[str, Any]) -> None:
        used = metadata.get("usage")
        if used is not None:
            self._usage.add(used.prompt_tokens or 0, used.completion_tokens or 0)

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


def remote_chat(
    configuration: ChatConfiguration, client: AsyncOpenAI, patient: Patient, usage: Usage
) -> ChatCompletionClientBase:
    """The configured remote model, bound to the patient whose identity must not leave; `usage` counts what it used."""
    return RemoteChat(configuration, client, patient, usage)


def builtin_chat(task: Task) -> ChatCompletionClientBase:
    """The built-in planner model, for one turn."""
    return BuiltinPlanner(task)
