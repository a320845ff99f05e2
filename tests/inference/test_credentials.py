"""Tokens: kept, renewed in time, asked for once, and good to the last second when their issuer is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ModelRefused, ModelUnreachable
from inference.transport.credentials import MARGIN_S, PAUSE_S, IssuedToken, RenewedToken, StaticKey

START = 1_700_000_000.0


class Issuer:
    """Issues numbered tokens by a clock that the test moves."""

    def __init__(self, lifetime_s: float = 3600.0, advised_s: float | None = None) -> None:
        self.now = START
        self.lifetime_s = lifetime_s
        self.advised_s = advised_s
        self.issued = 0
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    def clock(self) -> float:
        return self.now

    async def __call__(self) -> IssuedToken:
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        self.issued += 1
        expires = self.now + self.lifetime_s
        advised = expires if self.advised_s is None else self.now + self.advised_s
        return IssuedToken(f"t{self.issued}", expires, advised)

    def credential(self) -> RenewedToken:
        return RenewedToken(self, clock=self.clock)


async def test_a_key_stays_what_it_is() -> None:
    key = StaticKey("k")
    key.invalidate("k")
    assert await key.token() == "k"


async def test_a_token_is_kept_until_five_minutes_before_it_expires() -> None:
    issuer = Issuer()
    credential = issuer.credential()
    assert await credential.token() == "t1"
    issuer.now = START + 3600 - MARGIN_S - 1
    assert await credential.token() == "t1"
    issuer.now = START + 3600 - MARGIN_S
    assert await credential.token() == "t2"
    assert issuer.issued == 2


async def test_the_issuer_s_advice_comes_before_the_margin() -> None:
    issuer = Issuer(advised_s=1800)
    credential = issuer.credential()
    assert await credential.token() == "t1"
    issuer.now = START + 1800
    assert await credential.token() == "t2"


@given(
    lifetime_s=st.integers(1, 90_000),
    waits_s=st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=8),
)
async def test_no_token_is_given_out_that_has_expired(lifetime_s: int, waits_s: list[tuple[int, bool]]) -> None:
    issuer = Issuer(lifetime_s)
    credential = issuer.credential()
    born = {await credential.token(): issuer.now}
    for wait_s, away in waits_s:
        issuer.now += wait_s
        issuer.failure = ModelUnreachable("away", where="issuer") if away else None
        try:
            value = await credential.token()
        except ModelUnreachable:
            assert all(issuer.now >= start + lifetime_s for start in born.values()), "one of them still served"
        else:
            assert issuer.now < born.setdefault(value, issuer.now) + lifetime_s


async def test_callers_that_come_together_share_one_renewal() -> None:
    issuer = Issuer()
    issuer.gate = asyncio.Event()
    credential = issuer.credential()
    callers = [asyncio.create_task(credential.token()) for _ in range(20)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    issuer.gate.set()
    assert await asyncio.gather(*callers[1:]) == ["t1"] * 19
    assert issuer.issued == 1


async def test_calls_go_on_with_the_old_token_while_it_is_renewed() -> None:
    issuer = Issuer()
    credential = issuer.credential()
    await credential.token()
    issuer.now += 3600 - MARGIN_S
    issuer.gate = asyncio.Event()
    first = asyncio.create_task(credential.token())
    await asyncio.sleep(0)
    assert await credential.token() == "t1"
    issuer.gate.set()
    assert await first == "t2"


async def test_an_issuer_that_is_away_does_no_harm_while_the_token_serves() -> None:
    issuer = Issuer()
    credential = issuer.credential()
    await credential.token()
    issuer.failure = ModelUnreachable("away", where="issuer")
    issuer.now += 3600 - MARGIN_S
    assert await credential.token() == "t1"
    issuer.failure = None
    assert await credential.token() == "t1", "it pauses before it asks again"
    issuer.now += PAUSE_S
    assert await credential.token() == "t2"


async def test_an_issuer_that_is_away_is_an_error_once_the_token_is_dead() -> None:
    issuer = Issuer()
    credential = issuer.credential()
    await credential.token()
    issuer.failure = ModelUnreachable("away", where="issuer")
    issuer.now += 3600
    with pytest.raises(ModelUnreachable):
        await credential.token()


async def test_all_who_wait_hear_the_refusal() -> None:
    issuer = Issuer()
    issuer.failure = ModelRefused("no", where="issuer")
    credential = issuer.credential()
    results = await asyncio.gather(*(credential.token() for _ in range(3)), return_exceptions=True)
    assert [type(r) for r in results] == [ModelRefused] * 3


async def test_a_rejected_token_is_replaced_once_for_all_who_were_turned_away() -> None:
    issuer = Issuer()
    credential = issuer.credential()
    old = await credential.token()
    credential.invalidate(old)
    assert await credential.token() == "t2"
    credential.invalidate(old)
    assert await credential.token() == "t2", "the late 401 was for the old token"
    credential.invalidate()
    assert await credential.token() == "t3"


async def test_a_token_that_is_short_of_life_is_not_asked_for_at_every_call() -> None:
    issuer = Issuer(lifetime_s=MARGIN_S / 2)
    credential = issuer.credential()
    assert [await credential.token() for _ in range(5)] == ["t1"] * 5
    issuer.now += PAUSE_S
    assert await credential.token() == "t2"


async def test_a_key_from_the_control_plane_does_not_expire() -> None:
    issuer = Issuer(lifetime_s=float("inf"))
    credential = issuer.credential()
    await credential.token()
    issuer.now += 10 * 365 * 86400
    assert await credential.token() == "t1"


@pytest.mark.parametrize("show", [repr, str])
def test_no_value_is_shown(show: Callable[[object], str]) -> None:
    assert "s3cr3t" not in show(IssuedToken("s3cr3t")) + show(StaticKey("s3cr3t"))
