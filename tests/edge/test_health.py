from __future__ import annotations

import pytest

from dcrgw.edge.health import Health
from dcrgw.endpoints.health import health_endpoint
from dcrgw.errors import ErrorCode


class MovableClock:
    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


def test_expected_component_that_is_silent_is_not_ready():
    health = Health(MovableClock(), expected=["registry"])
    assert not health.ready
    health.set("registry", True)
    assert health.ready


def test_since_is_the_last_change_not_the_last_word():
    clock = MovableClock()
    health = Health(clock)
    health.set("keys", False, "timeout")
    clock.at = 2000.0
    health.set("keys", False, "refused")
    [condition] = health.conditions
    assert (condition.since, condition.reason) == (1000.0, "refused")
    health.set("keys", True)
    assert health.conditions[0].since == 2000.0


def test_draining_is_not_ready_whatever_comes_after():
    health = Health(MovableClock())
    health.drain()
    health.set("edge", True)
    assert not health.ready


async def test_readiness_names_the_component_that_is_not_ready(edge, request_head):
    health = Health(MovableClock(), expected=["registry"])
    await edge.listen(health_endpoint(health), malformed=ErrorCode.INVALID_REQUEST)
    answer, client = await edge.ask(request_head("GET", "/readyz?verbose"))
    assert answer.status == 503
    assert answer.json["components"] == [{"component": "registry", "ok": False, "since": 1000.0, "reason": "starting"}]
    assert (await client.ask(request_head("GET", "/livez"))).status == 200
    health.set("registry", True)
    assert (await client.ask(request_head("GET", "/readyz"))).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/readyz/", 404), ("GET", "//livez", 404), ("POST", "/readyz", 405)],
)
async def test_anything_else_is_refused(edge, request_head, method, path, status):
    await edge.listen(health_endpoint(Health(MovableClock())), malformed=ErrorCode.INVALID_REQUEST)
    answer, _ = await edge.ask(request_head(method, path))
    assert answer.status == status
    assert answer.json["error"] == "invalid_request"


def test_what_is_adopted_is_told_and_counts_until_others_are() -> None:
    clock = MovableClock()
    health, first, second = Health(clock), Health(clock), Health(clock)
    health.set("registry", True)
    first.set("keys", False, "no answer")
    second.set("keys", True)
    health.adopt([first])
    assert not health.ready
    assert [condition.component for condition in health.conditions] == ["keys", "registry"]
    health.adopt([second])
    assert health.ready
