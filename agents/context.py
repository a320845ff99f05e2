"""Making a conversation fit a model's context: what matters least for the question goes first. Pure.

Sizes are estimated at three characters a token: a guess on the safe side for English, JSON and identifiers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

CHARACTERS_A_TOKEN = 3
LEFT_OUT = "…[left out to fit the model's context]"
SHORT = 240
"""Characters that stay of an older tool result: ids and outcomes stand at its beginning."""

Message = Mapping[str, Any]


def tokens(value: object) -> int:
    """Estimated tokens of a JSON-able value."""
    return -(-len(json.dumps(value, ensure_ascii=False, default=str)) // CHARACTERS_A_TOKEN)


def fitted(messages: Sequence[Message], tools: object, limit: int) -> list[Message]:
    """The messages with as much left out as the limit asks for.

    What instructs (system), the question (the last user message) and the newest round of tools stay whole as long
    as they can. Earlier turns go first, the least related to the question before the others; then older tool
    results are shortened, oldest first; last the newest.

    Args:
        messages: of the wire, in order.
        tools: the tools' schemas, which take their part of the limit.
        limit: tokens for messages and tools together; 0 for no limit.
    """
    kept = list(messages)
    room = limit - tokens(tools)
    if not limit or tokens(kept) <= room:
        return kept
    asked = _last(kept, "user")
    for turn in _earlier_turns(kept, asked):
        kept = [m for m in kept if not any(m is one for one in turn)]
        if tokens(kept) <= room:
            return kept
    results = [i for i, m in enumerate(kept) if m.get("role") == "tool"]
    for place in results:
        kept[place] = _shortened(kept[place], SHORT)
        if tokens(kept) <= room:
            break
    return kept


def _last(messages: Sequence[Message], role: str) -> int:
    return max((i for i, m in enumerate(messages) if m.get("role") == role), default=-1)


def _earlier_turns(messages: Sequence[Message], asked: int) -> list[list[Message]]:
    """Turns before the question, the least related first, of equally related ones the oldest."""
    turns: list[list[Message]] = []
    for message in messages[: max(asked, 0)]:
        if message.get("role") == "user":
            turns.append([message])
        elif turns and message.get("role") == "assistant":
            turns[-1].append(message)
    question = _words(messages[asked]) if asked >= 0 else frozenset()
    return sorted(turns, key=lambda turn: len(question & frozenset().union(*map(_words, turn))))


def _words(message: Message) -> frozenset[str]:
    return frozenset(re.findall(r"[a-zà-ÿ]{4,}", str(message.get("content", "")).lower()))


def _shortened(message: Message, length: int) -> Message:
    text = str(message.get("content", ""))
    return message if len(text) <= length else {**message, "content": text[:length] + LEFT_OUT}
