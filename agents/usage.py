"""What a chat model used: calls, tokens, and their price."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """In the currency that the hospital accounts in; 0 where nobody says."""

    prompt_per_million: float = 0.0
    completion_per_million: float = 0.0


FREE = Price()


@dataclass
class Usage:
    """Counted while a turn runs, from what the server says it used."""

    price: Price = FREE
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, prompt_tokens: int, completion_tokens: int) -> None:
        """One answer of the model."""
        self.calls += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float:
        """In the price's currency."""
        million = 1_000_000
        return (
            self.prompt_tokens * self.price.prompt_per_million
            + self.completion_tokens * self.price.completion_per_million
        ) / million

    def row(self) -> dict[str, float]:
        """For the record."""
        return {
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": round(self.cost, 6),
        }
