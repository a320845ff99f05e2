"""A chat model's answers, asked for once: the exchange with its server is what is recorded.

Semantic Kernel's client, the planner's budget and the count of tokens all work on what came over the wire, streamed
or not; so an answer that is replayed goes the way of a fresh one, all of it at once. Requests hold de-identified
messages, and only their hash is kept. An exchange that failed is recorded as well: whether the built-in planner took
over must not change when the process dies. The built-in planner needs none of this, as it asks nobody.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from agents.chat_models import ChatConfiguration, chat_client
from jobs.durable.steps import running

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEPT_HEADERS = ("content-type", "x-request-id")
"""Of an answer. A wish to wait before the next try is not kept: what was waited for once is not waited for again."""


def durable_chat_client(configuration: ChatConfiguration) -> AsyncOpenAI:
    """A client for the planner whose exchanges are recorded where an attempt runs, and plain elsewhere.

    The caller closes it.

    Raises:
        ConfigurationError: the configuration cannot work.
    """
    import httpx2
    from openai import DefaultAsyncHttpxClient

    class RecordingHttp(DefaultAsyncHttpxClient):
        """HTTP whose exchanges are kept by the attempt that this task runs."""

        async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            """As httpx's, of which the attempt knows the outcome afterwards."""
            runner = running.get()
            if runner is None:
                return await super().send(request, **options)
            whole = {**options, "stream": False}

            async def exchange() -> dict[str, Any]:
                try:
                    answer = await super(RecordingHttp, self).send(request, **whole)
                except httpx2.TransportError as error:
                    return {"failed": type(error).__name__}
                headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
                return {"status": answer.status_code, "headers": headers, "body": answer.text}

            kept = await runner.keep("chat turn", exchange, about=[request.url.path, asked(request.content)])
            if "failed" in kept:
                kind = getattr(httpx2, kept["failed"], httpx2.TransportError)
                raise kind("The chat model's server did not answer.", request=request)
            return httpx2.Response(
                kept["status"], headers=kept["headers"], content=kept["body"].encode(), request=request
            )

    client = chat_client(configuration)
    return client.with_options(http_client=RecordingHttp(timeout=configuration.timeout_s))


def asked(content: bytes) -> str:
    """What a request asks, as a hash. The order of messages does not count: tools that ran in parallel end in any."""
    try:
        request = json.loads(content)
        messages = sorted(json.dumps(m, sort_keys=True) for m in request.pop("messages", ()))
        text = json.dumps([request, messages], sort_keys=True)
    except (ValueError, AttributeError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(text.encode()).hexdigest()
