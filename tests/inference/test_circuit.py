"""When an endpoint is left alone, and how it comes back."""

from __future__ import annotations

from inference.transport.circuit import Circuit, CircuitPolicy, CircuitState
from tests.inference.virtual_time import VirtualTime

POLICY = CircuitPolicy(failures=3, rate=0.5, window=6, rest_s=10.0, longest_rest_s=25.0)


def fresh() -> tuple[Circuit, VirtualTime]:
    time = VirtualTime()
    return Circuit(POLICY, time.monotonic), time


def fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        circuit.failure(circuit.enter())


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    circuit, _ = fresh()
    fail(circuit, 2)
    circuit.success(circuit.enter())
    fail(circuit, 2)
    assert circuit.state is CircuitState.CLOSED
    fail(circuit)
    assert circuit.state is CircuitState.OPEN
    assert circuit.resting_s == 10.0


def test_half_of_the_last_outcomes_opens_it() -> None:
    circuit, _ = fresh()
    for good in (True, False, True, False, True):
        (circuit.success if good else circuit.failure)(circuit.enter())
    assert circuit.state is CircuitState.CLOSED
    fail(circuit)
    assert circuit.state is CircuitState.OPEN


def test_one_probe_decides() -> None:
    circuit, time = fresh()
    fail(circuit, 3)
    time.seconds = 10.0
    assert circuit.state is CircuitState.HALF_OPEN
    assert not circuit.probing
    ticket = circuit.enter()
    assert circuit.probing
    circuit.success(ticket)
    assert circuit.state is CircuitState.CLOSED
    assert not circuit.probing


def test_rests_double_up_to_the_longest() -> None:
    circuit, time = fresh()
    fail(circuit, 3)
    for rest in (20.0, 25.0, 25.0):
        time.seconds += circuit.resting_s
        fail(circuit)
        assert circuit.resting_s == rest
    time.seconds += 25.0
    circuit.success(circuit.enter())
    fail(circuit, 3)
    assert circuit.resting_s == 10.0, "a success makes the next rest short again"


def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    circuit, time = fresh()
    fail(circuit, 3)
    time.seconds = 10.0
    circuit.abandon(circuit.enter())
    assert circuit.state is CircuitState.HALF_OPEN
    assert not circuit.probing


def test_outcomes_of_calls_from_before_do_not_count() -> None:
    circuit, time = fresh()
    old = [circuit.enter() for _ in range(4)]
    fail(circuit, 3)
    circuit.success(old[0])
    assert circuit.state is CircuitState.OPEN
    time.seconds = 10.0
    circuit.enter()
    circuit.failure(old[1])
    circuit.abandon(old[2])
    assert circuit.probing, "the probe's outcome is still to come"
