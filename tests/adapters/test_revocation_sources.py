"""Lists and answers are kept by their validity: asked for once, renewed in time, never replaced by anything worse."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from dcrgw.adapters.fetcher import Fetched, Fetcher, FetchFailed, FetchLimits, FetchReason
from dcrgw.adapters.revocation import Alarm, CachedRevocation
from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.core.certificates.path import TrustAnchors, build
from dcrgw.core.certificates.revocation import Mode, RevocationPolicy, Told, judge
from dcrgw.testkit.certificates import CertificateAuthority, new_key
from dcrgw.testkit.revocation import answer, published, revocation_list

AT = 1_795_000_000.0
LIST, RESPONDER = "http://ca.example/root.crl", "http://ca.example/ocsp"
HOSTS = frozenset({"ca.example:80"})
ROOT = CertificateAuthority.create("Root", at=AT)
LEAF = ROOT.issue(software_id="sw", org_id="org", key_type="p256", extensions=published(LIST, RESPONDER))
ANCHORS = TrustAnchors((ROOT.certificate,))
PATH = build(LEAF.chain_der, ANCHORS, AT)
SERIAL = LEAF.certificate.serial_number
HOUR = 3600.0


@dataclass
class Clock:
    at: float = AT

    def now(self) -> float:
        return self.at


@dataclass
class Web:
    """A fetcher of what it was given: bytes, a status or a failure, by URL; an OCSP question by its URL's start."""

    pages: dict[str, Any] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    hosts: list[Any] = field(default_factory=list)
    questions: list[bytes] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def get(self, url: str, *, hosts: Any, headers: Any = None) -> Fetched:
        return await self._serve("GET", url, hosts)

    async def post(self, url: str, body: bytes, *, hosts: Any, headers: Any) -> Fetched:
        self.questions.append(body)
        return await self._serve("POST", url, hosts)

    async def _serve(self, method: str, url: str, hosts: Any) -> Fetched:
        place = next(each for each in self.pages if url.startswith(each))
        self.asked[f"{method} {place}"] += 1
        self.hosts.append(hosts)
        if self.gate is not None:
            await self.gate.wait()
        page = self.pages[place]
        page = page(self) if callable(page) else page
        if isinstance(page, Exception):
            raise page
        return Fetched(page, "", b"") if isinstance(page, int) else Fetched(200, "", page)


@dataclass
class Bench:
    """One market over a web and a clock."""

    web: Web = field(default_factory=Web)
    clock: Clock = field(default_factory=Clock)
    alarms: list[Alarm] = field(default_factory=list)
    port: CachedRevocation = field(init=False)
    policy: RevocationPolicy = field(init=False)

    def open(self, mode: Mode = Mode.HARD, **changes: Any) -> Bench:
        self.policy = RevocationPolicy(mode, soft_s=600, nonce_required=changes.pop("nonce_required", False))
        sources = RevocationSources(market="uk", policy=self.policy, anchors=ANCHORS, **changes)
        fetch: Any = self.web
        self.port = CachedRevocation(
            [sources], lists=fetch, answers=fetch, clock=self.clock, on_alarm=self.alarms.append
        )
        return self

    async def told(self) -> Told:
        (told,) = await self.port.told("uk", PATH.der)
        return told

    async def verdict(self) -> str:
        """passed, or the failed check, or unavailable."""
        judged = judge(PATH, [await self.told()], self.policy, self.clock.at)
        failed = [finding.check.id for finding in judged.findings if finding.verdict == "failed"]
        return "unavailable" if judged.unavailable is not None else next(iter(failed), "passed")

    async def settle(self) -> None:
        """Wait for the end of what runs behind the requests' backs, in threads too."""
        while running := self.port._flights._running:
            await asyncio.gather(*running.values(), return_exceptions=True)
            await asyncio.sleep(0)


REVOKED = "tls.revocation.not_revoked"
DOWN = FetchFailed(FetchReason.CONNECT, "refused")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def crl(at: float = AT, *revoked: int, life_s: float = HOUR, **more: Any) -> bytes:
    return revocation_list(ROOT, revoked, at=at, life_s=life_s, **more)


async def test_many_at_once_ask_once(bench: Bench) -> None:
    bench.web.pages[LIST] = crl()
    bench.web.gate = asyncio.Event()
    bench.open(methods=("crl",), hosts=HOSTS)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(bench.verdict()) for _ in range(50)]
        while not bench.web.asked:  # noqa: ASYNC110 - by then all wait
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        bench.web.gate.set()
    assert {each.result() for each in waiting} == {"passed"}
    assert bench.web.asked == {f"GET {LIST}": 1}
    assert bench.web.hosts == [HOSTS]


async def test_urls_of_certificates_are_not_followed_unless_hosts_are_named(bench: Bench) -> None:
    bench.web.pages = {LIST: crl(), RESPONDER: answer(LEAF.certificate, ROOT, at=AT)}
    bench.open()
    assert await bench.verdict() == "unavailable"
    assert not bench.web.asked


async def test_list_is_renewed_behind_the_requests_backs(bench: Bench) -> None:
    bench.web.pages[LIST] = crl()
    bench.open(methods=("crl",), hosts=HOSTS)
    assert await bench.verdict() == "passed"
    bench.web.pages[LIST] = crl(AT + HOUR / 2, SERIAL)
    bench.clock.at += HOUR / 2 - 1
    assert await bench.verdict() == "passed"
    assert bench.web.asked[f"GET {LIST}"] == 1
    bench.clock.at += 2
    assert await bench.verdict() == "passed"  # served at once, and asked for
    await bench.settle()
    assert await bench.verdict() == REVOKED


async def test_list_that_must_be_asked_for_every_time_is(bench: Bench) -> None:
    bench.web.pages[LIST] = crl()
    bench.open(methods=("crl",), hosts=HOSTS, renew_s=0.0)
    assert await bench.verdict() == "passed"
    bench.web.pages[LIST] = crl(AT, SERIAL)
    assert await bench.verdict() == REVOKED


async def test_expired_list_counts_no_longer_however_the_source_fails(bench: Bench) -> None:
    bench.web.pages[LIST] = crl()
    bench.open(methods=("crl",), hosts=HOSTS)
    assert await bench.verdict() == "passed"
    for page in (DOWN, 500, b"", b"<html>", crl(AT - HOUR)):
        bench.web.pages[LIST] = page
        bench.clock.at = AT + HOUR + 120
        assert await bench.verdict() == "unavailable"
        bench.clock.at += 120
    bench.web.pages[LIST] = crl(bench.clock.at)
    assert await bench.verdict() == "passed"


async def test_older_list_is_played_back_in_vain(bench: Bench) -> None:
    bench.web.pages[LIST] = crl(AT, SERIAL)
    bench.open(methods=("crl",), hosts=HOSTS, renew_s=0.0)
    assert await bench.verdict() == REVOKED
    bench.web.pages[LIST] = crl(AT - 60)
    bench.clock.at += 1
    assert await bench.verdict() == REVOKED


async def test_source_that_fails_is_left_alone_for_a_while(bench: Bench) -> None:
    bench.web.pages[LIST] = DOWN
    bench.open(methods=("crl",), hosts=HOSTS)
    for _ in range(5):
        assert await bench.verdict() == "unavailable"
    assert bench.web.asked[f"GET {LIST}"] == 1
    bench.clock.at += 5
    await bench.verdict()
    assert bench.web.asked[f"GET {LIST}"] == 2


async def test_soft_market_goes_on_for_its_time_from_the_first_failure_on(bench: Bench) -> None:
    bench.web.pages[LIST] = DOWN
    bench.open(Mode.SOFT, methods=("crl",), hosts=HOSTS)
    assert await bench.verdict() == "passed"
    bench.clock.at += 600
    assert await bench.verdict() == "passed"
    bench.clock.at += 1
    assert await bench.verdict() == "unavailable"
    bench.web.pages[LIST] = crl(bench.clock.at)
    bench.clock.at += 60
    assert await bench.verdict() == "passed"


async def test_soft_market_still_refuses_what_is_known_to_be_revoked(bench: Bench) -> None:
    bench.web.pages[LIST] = crl(AT, SERIAL)
    bench.open(Mode.SOFT, methods=("crl",), hosts=HOSTS)
    assert await bench.verdict() == REVOKED
    bench.web.pages[LIST] = DOWN
    bench.clock.at += 2 * HOUR
    assert await bench.verdict() == REVOKED


async def test_responder_is_asked_where_the_list_says_nothing(bench: Bench) -> None:
    bench.web.pages = {LIST: DOWN, RESPONDER: answer(LEAF.certificate, ROOT, at=AT)}
    bench.open(hosts=HOSTS)
    assert await bench.verdict() == "passed"
    assert bench.web.asked == {f"GET {LIST}": 1, f"GET {RESPONDER}": 1}
    bench.clock.at += 2
    assert await bench.verdict() == "passed"
    assert bench.web.asked[f"GET {RESPONDER}"] == 1


async def test_responder_may_be_asked_first(bench: Bench) -> None:
    bench.web.pages = {LIST: crl(), RESPONDER: answer(LEAF.certificate, ROOT, "revoked", at=AT)}
    bench.open(methods=("ocsp", "crl"), hosts=HOSTS)
    assert await bench.verdict() == REVOKED
    assert f"GET {LIST}" not in bench.web.asked


async def test_operator_s_own_responder_takes_the_certificate_s_place(bench: Bench) -> None:
    own = "http://responder.bank.example/" + "long/" * 40
    bench.web.pages = {own: answer(LEAF.certificate, ROOT, at=AT)}
    bench.open(methods=("ocsp",), responder=own)
    assert await bench.verdict() == "passed"
    # Too long for a GET (RFC 5019 §5).
    assert bench.web.asked == {f"POST {own}": 1}
    assert bench.web.hosts == [None]


async def test_nonce_that_was_sent_comes_back(bench: Bench) -> None:
    own = "http://responder.bank.example/" + "long/" * 40

    def echoing(web: Web) -> bytes:
        asked = ocsp.load_der_ocsp_request(web.questions[-1])
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        return answer(asked, ROOT, at=AT, nonce=nonce)

    bench.web.pages = {own: echoing}
    bench.open(methods=("ocsp",), responder=own, with_nonce=True, nonce_required=True)
    assert await bench.verdict() == "passed"
    bench = Bench()
    bench.web.pages = {own: answer(LEAF.certificate, ROOT, at=AT, nonce=b"x" * 16)}
    bench.open(methods=("ocsp",), responder=own, with_nonce=True)
    assert await bench.verdict() == "unavailable"


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
async def test_list_on_disk_counts_and_is_read_again_when_it_changes(
    bench: Bench, tmp_path: Path, encoding: Encoding
) -> None:
    def put(der: bytes) -> None:
        made = tmp_path / "new"
        made.write_bytes(x509.load_der_x509_crl(der).public_bytes(encoding))
        made.replace(tmp_path / "root.crl")

    put(crl())
    bench.open(methods=("crl",), files=(tmp_path / "root.crl",))
    await bench.port.look()
    assert await bench.verdict() == "passed"
    put(crl(AT + 1, SERIAL))
    bench.clock.at += 10
    await bench.port.look()
    assert await bench.verdict() == REVOKED


@pytest.mark.parametrize("wrong", ["cut off", "missing", "of a stranger", "too long"])
async def test_bad_list_on_disk_keeps_the_old_and_raises_the_alarm(bench: Bench, tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "root.crl"
    file.write_bytes(crl())
    bench.open(methods=("crl",), files=(file,), max_bytes=5_000)
    await bench.port.look()
    assert [(alarm.ok, alarm.text) for alarm in bench.alarms] == [(True, "")]
    stranger = CertificateAuthority.create("Stranger", at=AT, key=new_key())
    file.unlink()
    if wrong != "missing":
        made = {
            "cut off": crl()[:-9],
            "of a stranger": revocation_list(stranger, at=AT),
            "too long": crl(AT, *range(1, 400)),
        }
        file.write_bytes(made[wrong])
        os.utime(file, (1, 1))
    bench.clock.at += 10
    await bench.port.look()
    assert await bench.verdict() == "passed"
    assert (bench.alarms[-1].ok, "cannot be renewed" in bench.alarms[-1].text) == (True, True)
    bench.clock.at = AT + HOUR * 0.9
    await bench.port.look()
    assert "expires at" in bench.alarms[-1].text
    bench.clock.at = AT + HOUR
    await bench.port.look()
    assert (bench.alarms[-1].ok, "expired at" in bench.alarms[-1].text) == (False, True)
    assert await bench.verdict() == "unavailable"


async def test_alarm_comes_before_the_end_and_goes_with_the_cause(bench: Bench) -> None:
    url = "https://ca.example/root.crl"
    bench.web.pages[url] = crl()
    bench.open(methods=("crl",), urls=(url,))
    await bench.port.look()
    bench.web.pages[url] = DOWN
    for minutes in (31, 40, 49, 58, 61):
        bench.clock.at = AT + minutes * 60
        await bench.port.look()
    bench.web.pages[url] = crl(bench.clock.at)
    bench.clock.at += 120
    await bench.port.look()
    told = [(alarm.ok, alarm.text.partition(": ")[2].partition(" at ")[0]) for alarm in bench.alarms]
    assert told == [
        (True, ""),
        (True, "cannot be renewed (connect: refused)"),
        (True, "expires"),
        (False, "expired"),
        (True, ""),
    ]


async def test_soft_market_is_ready_without_its_list(bench: Bench) -> None:
    url = "https://ca.example/root.crl"
    bench.web.pages[url] = DOWN
    bench.open(Mode.SOFT, methods=("crl",), urls=(url,))
    await bench.port.look()
    assert bench.alarms[-1].ok
    assert bench.alarms[-1].text


async def test_market_that_does_not_ask_is_not_looked_after(bench: Bench) -> None:
    bench.open(Mode.OFF, urls=(LIST,))
    await bench.port.start()
    await bench.port.close()
    assert not bench.web.asked
    assert not bench.alarms


async def test_clock_that_is_set_back_keeps_no_old_word_and_no_source_waiting(bench: Bench) -> None:
    bench.web.pages = {LIST: revocation_list(ROOT, at=AT - 2 * 86_400, life_s=7 * 86_400, number=1), RESPONDER: 500}
    bench.open(hosts=HOSTS)
    assert await bench.verdict() == "passed"
    bench.clock.at -= 86_400
    bench.web.pages[LIST] = revocation_list(ROOT, [SERIAL], at=AT - 86_400, number=2)
    await bench.verdict()
    await bench.settle()
    assert await bench.verdict() == "tls.revocation.not_revoked"


async def test_clock_that_is_set_back_makes_no_pause_longer(bench: Bench) -> None:
    bench.web.pages = {LIST: 500, RESPONDER: 500}
    bench.open(hosts=HOSTS)
    assert await bench.verdict() == "unavailable"
    bench.clock.at -= 86_400
    bench.web.pages[LIST] = revocation_list(ROOT, at=bench.clock.at)
    assert await bench.verdict() == "passed"


async def test_clock_that_is_set_back_makes_no_outage_younger(bench: Bench) -> None:
    bench.web.pages = {LIST: 500, RESPONDER: 500}
    bench.open(Mode.SOFT, hosts=HOSTS)
    assert await bench.verdict() == "passed"
    bench.clock.at -= 86_400
    assert await bench.verdict() == "passed"
    bench.clock.at += 601
    assert await bench.verdict() == "unavailable"


async def test_list_from_the_future_does_not_shut_out_the_right_ones(bench: Bench) -> None:
    bench.web.pages = {LIST: revocation_list(ROOT, at=AT + 86_400), RESPONDER: 500}
    bench.open(hosts=HOSTS)
    assert await bench.verdict() == "unavailable"
    bench.clock.at += 60
    bench.web.pages[LIST] = revocation_list(ROOT, at=AT)
    assert await bench.verdict() == "passed"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest.crl", "http://127.0.0.1:8081/readyz", "http://[::1]/", "http://ca.example:8080/",
        "http://ca.example@evil.example/", "http://evil.example/ca.example:80", "http://ca.example.evil.example/",
        "gopher://ca.example:80/", "file:///etc/passwd", "http://ca.example:80\\@evil.example/", "ldap://ca.example/cn=x",
    ],
)  # fmt: skip
async def test_url_of_a_certificate_leads_nowhere_but_to_the_named_hosts(url: str) -> None:
    connected: list[object] = []

    class Resolver(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
            connected.append((host, port))
            raise OSError("nobody is to be asked")

        async def close(self) -> None:
            return None

    leaf = ROOT.issue(software_id="sw", org_id="org", key_type="p256", extensions=published(url, url))
    path = build(leaf.chain_der, ANCHORS, AT)
    fetcher = Fetcher(
        ssl_context=ssl.create_default_context(), limits=FetchLimits(), resolver=Resolver(), plain_http=True
    )
    sources = RevocationSources(market="uk", policy=RevocationPolicy(Mode.HARD), anchors=ANCHORS, hosts=HOSTS)
    port = CachedRevocation([sources], lists=fetcher, answers=fetcher, clock=Clock())
    (told,) = await port.told("uk", path.der)
    assert (told.lists, told.answers, connected) == ((), (), [])
    await port.close()
    await fetcher.close()
