from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.edge.events import log_event
from dcrgw.edge.logging import set_up_logging
from dcrgw.edge.redaction import is_secret_name, redact, redact_text
from dcrgw.edge.watchdog import Watchdog

JWS = "eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJzM2NyM3QifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----"


@pytest.fixture
def clean():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "client_secret",
        "registration_access_token",
        "client_assertion",
        "privateKey",
        "key",
        "software_statement",
        "Authorization",
        "proxy-authorization",
        "Set-Cookie",
        "ssa",
        "jws",
        "accessToken",
    ],
)
def test_secret_field_is_redacted_by_its_name(name):
    assert redact({name: "s3cr3t"}) == {name: "[redacted]"}
    assert redact({"outer": [{name: ["s3cr3t"]}]}) == {"outer": [{name: "[redacted]"}]}


@pytest.mark.parametrize("name", ["kid", "keyboard", "monkey", "path", "checks", "report_id", "secretary", "status"])
def test_other_fields_keep_their_names(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        JWS,
        PEM,
        PEM[:45],
        f"got {JWS}!",
        "password=s3cr3t",
        "Bearer s3cr3t-token",
        "client_secret: 's3cr3t'",
        '{"access_token": "s3cr3t"}',
        "https://x/?token=s3cr3t&a=1",
        "eyJhbGciOiJub25lIn0.eyJzM2NyM3QiOjF9.",
        "eyJhbGciOiJSU0EifQ.czNjcjN0.aXY.Y2lwaGVy.dGFn",
        "passphrase = s3cr3t",
    ],
)
def test_secret_is_redacted_by_its_looks(text):
    clean = redact_text(f"before {text} after")
    assert "[redacted]" in clean
    for secret in ("s3cr3t", "czNjcjN0", "eyJ", "c2lnbmF0dXJl", "Y2lwaGVy"):
        assert secret not in clean
    assert clean.startswith("before")


@pytest.mark.parametrize(
    "text", ["statement.exp.past", "registration.internal-systems.example", "/register/abc", "1.2.3"]
)
def test_ordinary_text_is_left_alone(text):
    assert redact_text(text) == text


@pytest.mark.parametrize("text", ["a-" * 200_000, "ey-" * 200_000, f"{'word ' * 3198}{JWS} after", " " * 40_000])
def test_a_long_text_is_cut_before_it_costs_much_and_never_within_a_secret(text):
    clean = redact_text(text)
    assert len(clean) < 8100
    assert clean.endswith(f"... ({len(text)} characters)")
    assert JWS[:20] not in clean


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.text() | st.binary() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_can_be_redacted_and_rendered(value):
    json.dumps(redact({"value": value}))


@pytest.mark.parametrize("style", ["json", "console"])
def test_every_event_comes_out_redacted(clean, style):
    stream = io.StringIO()
    log = set_up_logging(style, stream=stream)
    try:
        raise ValueError(f"no such key {JWS} password=s3cr3t")
    except ValueError as error:
        log_event("request", error=error, status=500, authorization="s3cr3t")
    logging.getLogger("aiohttp.server").warning("library says %s", JWS)
    log.stop()
    written = stream.getvalue()
    assert "ValueError" in written
    assert "library says" in written
    assert JWS not in written
    assert "s3cr3t" not in written
    assert log.dropped == 0


def test_no_renderer_gets_to_print_the_locals_of_a_failure(clean, capsys):
    def fails():
        hidden = "l0cal-s3cr3t"
        raise ValueError(len(hidden))

    try:
        fails()
    except ValueError as error:
        log_event("request", error=error)
    written = capsys.readouterr().err
    assert "ValueError: 12" in written
    assert "l0cal-s3cr3t" not in written


def test_json_events_are_one_line_each(clean):
    stream = io.StringIO()
    log = set_up_logging("json", stream=stream)
    log_event("request", path="/a\nb", listener="register", status=200)
    log_event("accept_failed", reason="EMFILE")
    log.stop()
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["event"], first["level"], first["path"]) == ("request", "info", "/a\nb")
    assert (second["event"], second["level"]) == ("accept_failed", "error")


class Blocked(io.StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()

    def write(self, text: str) -> int:
        self.freed.wait(30)
        return super().write(text)


def test_blocked_reader_costs_events_and_never_the_loop(clean):
    stream = Blocked()
    log = set_up_logging("json", stream=stream, queue_length=10)
    for number in range(100):
        log_event("request", number=number)
    assert log.dropped >= 89
    stream.freed.set()
    log.stop()
    assert 10 <= len(stream.getvalue().splitlines()) <= 11


def test_reader_that_never_comes_back_does_not_hold_the_exit(clean):
    stream = Blocked()
    log = set_up_logging("json", stream=stream, queue_length=1)
    for number in range(5):
        log_event("request", number=number)
    log.stop(within_s=0.1)
    assert log.dropped >= 3
    stream.freed.set()


async def test_loop_that_stands_still_is_reported_with_its_stack():
    seen, told = [], threading.Event()

    def sink(event, /, **fields):
        seen.append((event, fields))
        told.set()

    def stand_still() -> None:
        told.wait(20)

    with Watchdog(stall_s=0.1, on_event=sink) as watchdog:
        # A machine that stood before we did is told of too: then we stand once more, after a pulse.
        while not any("stand_still" in fields["stack"] for _, fields in seen):
            await asyncio.sleep(0.1)
            told.clear()
            stand_still()
    assert {event for event, _ in seen} == {"loop_stalled"}
    assert sum("stand_still" in fields["stack"] for _, fields in seen) == 1
    assert watchdog.stalls == len(seen)


async def test_loop_that_turns_is_not_reported():
    seen = []
    with Watchdog(stall_s=30, on_event=lambda event, /, **fields: seen.append(event)):
        began = time.monotonic()
        await asyncio.sleep(0.01)
    assert seen == []
    assert time.monotonic() - began < 30
