"""The whole way of a person over the public listener, and every way that leads past it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from house import CALLBACK, MIA, MOST_WAITING, House, answer_of, house
from html_reading import faults, read
from yarl import URL

from dcrgw.testkit.person import Person, Seen

DETAILS = json.dumps([{"type": "payment", "ui_representation": "for your <b>order</b>"}])


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def mia(bank: House) -> AsyncIterator[Person]:
    async with bank.person() as person:
        yield person


def heading(seen: Seen) -> str:
    (found,) = read(seen.text.encode()).all("h1")
    return found.text


def cookies(person: Person) -> dict[str, Any]:
    return {cookie.key: cookie for cookie in person.http.cookie_jar}


# -- the way


async def test_a_person_signs_in_and_allows(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address(authorization_details=DETAILS))
    assert page.status == 200
    assert "Example TPP Ltd" in page.text
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    assert consent.status == 200
    assert "Pay 10.00 GBP to Merchant A" in consent.text
    assert "Mia Example" in consent.text
    done = await mia.submit(consent, decision="approve")
    assert (done.status, done.headers["Referrer-Policy"]) == (303, "no-referrer")
    answer = answer_of(done)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a state", bank.issuer)


async def test_a_person_signs_in_and_refuses(bank: House, mia: Person) -> None:
    answer = answer_of(await mia.submit(await bank.signed_in(mia), decision="deny"))
    assert answer["error"] == "access_denied"
    assert "code" not in answer


async def test_an_id_token_comes_back_in_the_fragment(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia, response_type="code id_token")
    done = await mia.submit(consent, decision="approve")
    assert done.left_for is not None
    assert urlsplit(done.left_for).query == ""
    assert answer_of(done).keys() == {"code", "id_token", "state", "iss"}


async def test_a_decision_is_kept_to_be_explained_and_the_password_is_not(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    report, evidence = bank.recent.kept[-1]
    assert (report.operation, report.decision) == ("authorize", "asked")
    done = await mia.submit(consent, decision="approve")
    report, evidence = bank.recent.kept[-1]
    assert (report.operation, report.decision) == ("decide", "approved")
    assert {"grants.interaction", "registry.client", "grants.commit"} <= {
        each.port for each in evidence.journal.entries
    }
    assert MIA[1] not in repr(list(bank.recent.kept))
    assert not [kept for kept in bank.recent.kept if MIA[1].encode() in kept[1].arrival.body]
    assert "code" in answer_of(done)


async def test_a_person_may_leave_without_signing_in(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    cancel = await mia.open(page.url.partition("?")[0] + "/cancel")
    assert answer_of(await mia.submit(cancel, decision="deny"))["error"] == "access_denied"


async def test_the_address_of_the_page_holds_nothing_of_the_request(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address(state="CANARY"))
    assert re.fullmatch(rf"{re.escape(bank.issuer)}/authorize/[A-Za-z0-9_-]+", page.url)
    assert "CANARY" not in page.text


async def raw_status(bank: House, url: str, cookie: bytes) -> int:
    """The answer to a GET with a Cookie header that no client library would send."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=bank.tls)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\nCookie: ".encode() + cookie)
    writer.write(b"\r\n\r\n")
    try:
        return int((await reader.read()).split(b" ", 2)[1])
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("key", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc3\xa9", b'"\\377"', b"a" * 200, b"a b"])
async def test_a_key_that_is_none_of_ours_opens_nothing(bank: House, mia: Person, key: bytes) -> None:
    page = await mia.open(bank.address())
    (name,) = cookies(mia)
    assert await raw_status(bank, page.url, name.encode() + b"=" + key) == 410


async def test_cookies_that_are_named_like_ours_are_left_alone(bank: House) -> None:
    named = "; ".join(f"__Host-dcrgw-{number}(@[]?=1" for number in range(40))
    assert await raw_status(bank, bank.address(), named.encode()) == 303


async def test_a_client_may_post_its_request(bank: House, mia: Person) -> None:
    url, _, query = bank.address().partition("?")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://tpp.example"}
    async with mia.http.post(url, data=query, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303
        assert urlsplit(answer.headers["Location"]).path.startswith("/uk/authorize/")


async def test_a_page_may_be_loaded_again(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    assert (await mia.open(page.url)).status == 200
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    again = await mia.open(consent.url)
    assert answer_of(await mia.submit(again, decision="approve"))["code"]


# -- what is never redirected


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:unknown"},
    ],
    ids=str,
)
async def test_what_is_not_proven_is_told_on_a_page(bank: House, mia: Person, changes: dict[str, str | None]) -> None:
    seen = await mia.open(bank.address(**changes))
    assert seen.left_for is None
    assert 400 <= seen.status < 500
    assert seen.headers["Content-Type"] == "text/html; charset=utf-8"
    assert seen.forms == ()
    assert faults(read(seen.text.encode())) == []
    assert "evil.example" not in seen.text


async def test_what_is_proven_but_wrong_goes_to_the_client(bank: House, mia: Person) -> None:
    assert answer_of(await mia.open(bank.address(response_type="token")))["error"] == "unsupported_response_type"
    assert answer_of(await mia.open(bank.address(prompt="none")))["error"] == "login_required"


async def test_a_market_that_asks_nobody_has_no_such_page(bank: House, mia: Person) -> None:
    for path in ("/authorize/", "/authorize/x", "/authorize/..", f"/authorize/{'a' * 36}/else"):
        async with mia.http.get(bank.issuer + path) as answer:
            assert answer.status in (404, 410)


async def test_a_method_that_is_not_there_is_405(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    for method, url in (("PUT", bank.issuer + "/authorize"), ("POST", page.url), ("GET", page.url + "/decision")):
        async with mia.http.request(method, url) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"]


# -- signing in


@pytest.mark.parametrize(("login", "password"), [(MIA[0], "wrong"), ("nobody", MIA[1]), ("<script>", "x")])
async def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    bank: House, mia: Person, login: str, password: str
) -> None:
    page = await mia.open(bank.address())
    seen = await mia.submit(page, login=login, password=password)
    assert seen.status == 403
    (alert,) = [each for each in read(seen.text.encode()).all() if each.attributes.get("role") == "alert"]
    assert alert.text == "There is a problem User name or password is not right."
    assert seen.form.fields["login"] == login
    assert password not in seen.text or password == "x"
    assert (await mia.submit(seen, login=MIA[0], password=MIA[1])).status == 200


async def test_an_empty_form_is_no_attempt(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    for _ in range(8):
        page = await mia.submit(page, login="", password="")
        assert page.status == 400
    assert (await mia.submit(page, login=MIA[0], password=MIA[1])).status == 200


async def test_guessing_must_wait_and_then_may_go_on(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    for _ in range(3):
        assert (await mia.submit(page, login=MIA[0], password="wrong")).status == 403
    seen = await mia.submit(page, login=MIA[0], password=MIA[1])
    assert seen.status == 429
    assert 0 < int(seen.headers["Retry-After"]) <= 601
    bank.clock.at += 601
    fresh = await mia.open(bank.address())
    assert (await mia.submit(fresh, login=MIA[0], password=MIA[1])).status == 200


async def test_a_sign_in_is_audited_without_the_password(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    await mia.submit(page, login=MIA[0], password="CANARY-wrong")
    await mia.submit(page, login=MIA[0], password=MIA[1])
    kept = repr(list(bank.recent.kept)) + repr(bank.events)
    assert "CANARY" not in kept
    assert MIA[1] not in kept
    checks = [fields.get("checks") for event, fields in bank.events if event == "request"]
    assert ["customer.authenticated"] in checks


# -- the browser's key


async def test_the_key_stands_in_a_cookie_that_no_other_host_can_set_or_read(bank: House, mia: Person) -> None:
    async with mia.http.get(bank.address(), allow_redirects=False) as answer:
        (cookie,) = answer.headers.getall("Set-Cookie")
        location = answer.headers["Location"]
    name, _, rest = cookie.partition("=")
    value, *flags = [part.strip() for part in rest.split(";")]
    assert name.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(flags)
    assert not any(flag.startswith("Domain") for flag in flags)
    (life,) = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("Max-Age")]
    assert 0 < life <= 600
    assert value not in location


async def test_another_browser_may_not_go_on(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    async with bank.person() as thief:
        seen = await thief.open(page.url)
        assert (seen.status, seen.forms) == (410, ())
        assert (await thief.submit(page, login=MIA[0], password=MIA[1])).status == 410
    assert (await mia.submit(page, login=MIA[0], password=MIA[1])).status == 200


async def test_a_key_of_one_interaction_opens_no_other(bank: House, mia: Person) -> None:
    first, second = await mia.open(bank.address()), await mia.open(bank.address())
    keys = {name: cookie.value for name, cookie in cookies(mia).items()}
    ids = [urlsplit(each.url).path.rsplit("/", 1)[1] for each in (first, second)]
    one, other = (next(name for name in keys if name.endswith(each)) for each in ids)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=bank.tls)) as plain:
        async with plain.get(second.url, headers={"Cookie": f"{other}={keys[one]}"}) as answer:
            assert answer.status == 410
        async with plain.get(second.url, headers={"Cookie": f"{other}={keys[other]}"}) as answer:
            assert answer.status == 200


async def test_a_key_from_before_the_sign_in_opens_nothing_after_it(bank: House, mia: Person) -> None:
    """Session fixation: who planted a key, or saw it, is left outside."""
    page = await mia.open(bank.address())
    ((name, planted),) = cookies(mia).items()
    before = planted.value
    await mia.submit(page, login=MIA[0], password=MIA[1])
    assert cookies(mia)[name].value != before
    cookie = {"Cookie": f"{name}={before}"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=bank.tls)) as thief,
        thief.get(page.url, headers=cookie) as answer,
    ):
        assert answer.status == 410
        assert "Mia" not in await answer.text()


async def test_two_tabs_do_not_meet(bank: House, mia: Person) -> None:
    one, two = await mia.open(bank.address(state="one")), await mia.open(bank.address(state="two"))
    first = await mia.submit(one, login=MIA[0], password=MIA[1])
    second = await mia.submit(two, login=MIA[0], password=MIA[1])
    denied = answer_of(await mia.submit(second, decision="deny"))
    allowed = answer_of(await mia.submit(first, decision="approve"))
    assert (denied["state"], denied["error"]) == ("two", "access_denied")
    assert (allowed["state"], "code" in allowed) == ("one", True)


async def test_a_flood_ends_itself_and_a_sign_in_is_safe_from_it(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    waiting = await mia.open(bank.address())
    for _ in range(MOST_WAITING):
        async with bank.person() as stranger:
            assert (await stranger.open(bank.address())).status == 200
    assert (await mia.submit(waiting, login=MIA[0], password=MIA[1])).status == 410
    assert "code" in answer_of(await mia.submit(consent, decision="approve"))
    assert await bank.count("interactions") == MOST_WAITING


async def test_a_browser_keeps_no_more_keys_than_a_header_holds(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    (own,) = cookies(mia).values()
    older = [f"__Host-dcrgw-{number:022d}" for number in range(20)]
    named = "; ".join([*(f"{name}=k" for name in older), "theirs=1", f"{own.key}={own.value}"])
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for url, kept in ((page.url, 15), (bank.address(), 14)):
            async with http.get(url, ssl=bank.tls, headers={"Cookie": named}, allow_redirects=False) as answer:
                dropped = [cookie.key for cookie in answer.cookies.values() if cookie["max-age"] == "0"]
                assert sorted(dropped) == older[: 20 - kept]
                for line in answer.headers.getall("Set-Cookie"):
                    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))


async def test_an_interaction_ends_in_time(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    bank.clock.at += 601
    assert (await mia.open(consent.url)).status == 410
    assert (await mia.submit(consent, decision="approve")).status == 410


# -- forms of others

FOREIGN = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Sec-Fetch-Site": ""},
    {"Origin": "", "Sec-Fetch-Site": "same-site"},
    {"Origin": "", "Sec-Fetch-Site": "none"},
    {"Origin": "", "Sec-Fetch-Site": ""},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_form_that_another_site_sends_does_nothing(bank: House, mia: Person, headers: dict[str, str]) -> None:
    page = await mia.open(bank.address())
    assert (await mia.submit(page, headers, login=MIA[0], password=MIA[1])).status == 403
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    refused = await mia.submit(consent, headers, decision="approve")
    assert (refused.status, refused.left_for) == (403, None)
    assert answer_of(await mia.submit(consent, decision="deny"))["error"] == "access_denied"


async def test_a_form_without_its_token_does_nothing(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    for token in ("", "x" * 43, "é"):
        assert (await mia.submit(page, form=token, login=MIA[0], password=MIA[1])).status == 403
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    for token in ("", page.form.fields["form"]):
        refused = await mia.submit(consent, form=token, decision="approve")
        assert (refused.status, refused.left_for) == (403, None)


async def test_a_form_of_before_the_sign_in_leads_to_the_current_page(bank: House, mia: Person) -> None:
    """The back button, and the form sent again from there."""
    page = await mia.open(bank.address())
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    stale = await mia.submit(page, login=MIA[0], password=MIA[1])
    assert stale.status == 403
    (link,) = [a for a in read(stale.text.encode()).all("a") if a.attributes.get("class") == "button primary"]
    assert urlsplit(consent.url).path == link.attributes["href"]


async def test_nobody_approves_without_a_sign_in(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    cancel = await mia.open(page.url + "/cancel")
    seen = await mia.submit(cancel, decision="approve")
    assert (seen.status, seen.left_for) == (410, None)


@pytest.mark.parametrize("decision", ["", "APPROVE", "yes"])
async def test_a_decision_that_is_none_is_refused(bank: House, mia: Person, decision: str) -> None:
    seen = await mia.submit(await bank.signed_in(mia), decision=decision)
    assert (seen.status, seen.left_for) == (410, None)


# -- once


async def test_a_double_click_gets_one_code(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    both = await asyncio.gather(*(mia.submit(consent, decision="approve") for _ in range(3)))
    assert len({answer_of(each)["code"] for each in both}) == 1
    assert answer_of(await mia.submit(consent, decision="approve")) == answer_of(both[0])


async def test_a_decision_stands(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    answer_of(await mia.submit(consent, decision="approve"))
    other = await mia.submit(consent, decision="deny")
    assert (other.status, other.left_for) == (410, None)
    assert heading(await mia.open(consent.url)) == heading(other)


async def test_a_code_is_not_handed_out_again_later(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    answer_of(await mia.submit(consent, decision="approve"))
    bank.clock.at += 6
    late = await mia.submit(consent, decision="approve")
    assert (late.status, late.left_for) == (410, None)


async def test_another_browser_gets_no_answer_again(bank: House, mia: Person) -> None:
    consent = await bank.signed_in(mia)
    answer_of(await mia.submit(consent, decision="approve"))
    async with bank.person() as thief:
        seen = await thief.submit(consent, decision="approve")
        assert (seen.status, seen.left_for) == (410, None)


# -- what stands on a page


@pytest.mark.parametrize("name", ["login_hint", "state", "nonce", "ui_locales"])
async def test_no_parameter_becomes_markup(bank: House, mia: Person, name: str) -> None:
    seen = await mia.open(bank.address(**{name: "\"'><script>alert(1)</script>"}))
    assert "<script" not in seen.text
    assert "default-src 'none'" in seen.headers.get("Content-Security-Policy", "default-src 'none'")


async def test_a_hostile_name_and_note_stay_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    async with house(tmp_path, claims={"org_name": hostile, "software_client_name": hostile}) as bank:
        bank.words.text = hostile
        async with bank.person() as mia:
            details = json.dumps([{"type": "payment", "ui_representation": hostile}])
            consent = await bank.signed_in(mia, authorization_details=details, state=hostile)
            assert "<img" not in consent.text
            assert hostile in read(consent.text.encode()).text
            assert faults(read(consent.text.encode())) == []
            assert answer_of(await mia.submit(consent, decision="approve"))["state"] == hostile


async def test_every_answer_has_the_headers_of_a_page_that_guards_a_secret(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    consent = await mia.submit(page, login=MIA[0], password=MIA[1])
    wrong = await mia.open(bank.address(client_id="nobody"))
    for seen in (page, consent, wrong):
        assert seen.headers["Cache-Control"] == "no-store"
        assert seen.headers["X-Content-Type-Options"] == "nosniff"
        assert seen.headers["X-Frame-Options"] == "DENY"
        assert seen.headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in seen.headers["Content-Security-Policy"]
        assert "Server" not in seen.headers


@pytest.mark.parametrize(
    ("asked", "browser", "lang"), [(None, "pt-BR", "pt"), ("pt", "en", "pt"), ("xx en", "pt", "en"), (None, "fr", "en")]
)
async def test_people_are_spoken_to_in_their_language(bank: House, asked: str | None, browser: str, lang: str) -> None:
    async with bank.person(languages=browser) as person:
        consent = await bank.signed_in(person, ui_locales=asked, authorization_details=DETAILS)
        (html,) = read(consent.text.encode()).all("html")
        assert html.attributes["lang"] == lang
        # the bank's words are asked for in the same order
        assert f"[{' '.join(each for each in (asked, browser) if each)}]" in consent.text


async def test_a_chosen_language_stays(bank: House, mia: Person) -> None:
    page = await mia.open(bank.address())
    chosen = await mia.open(page.url + "?ui_locales=pt")
    assert chosen.headers["Content-Language"] == "pt"
    consent = await mia.submit(chosen, login=MIA[0], password=MIA[1])
    assert consent.headers["Content-Language"] == "pt"


# -- trouble


async def test_a_broken_store_is_told_to_a_person_as_such(
    bank: House, mia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await mia.open(bank.address())

    async def broken(*_: object) -> None:
        raise RuntimeError("CANARY")

    monkeypatch.setattr(type(bank.registry.grants), "interaction", broken)
    seen = await mia.open(page.url)
    assert seen.status == 500
    assert seen.headers["Content-Type"].startswith("text/html")
    assert "CANARY" not in seen.text
    assert seen.headers["x-fapi-interaction-id"] in seen.text
    assert faults(read(seen.text.encode())) == []


async def test_a_crowd_at_the_door_is_told_to_come_later(
    bank: House, mia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcrgw.adapters import customers

    monkeypatch.setattr(customers, "_AT_ONCE", -100)
    page = await mia.open(bank.address())
    seen = await mia.submit(page, login=MIA[0], password=MIA[1])
    assert seen.status == 503
    assert int(seen.headers["Retry-After"]) > 0
    assert "href" in seen.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&" * 200,
        "&".join(f"a{i}=1" for i in range(150)),
        "ui_locales=%ff%00",
        "client_id=%",
        "ui_locales=" + "x-" * 900,
    ],
    ids=lambda query: query[:20],
)
async def test_no_query_is_more_than_a_refusal(bank: House, mia: Person, query: str) -> None:
    page = await mia.open(bank.address())
    for url, expected in ((f"{bank.issuer}/authorize?{query}", (400,)), (f"{page.url}?{query}", (200,))):
        async with mia.http.get(URL(url, encoded=True)) as answer:
            assert answer.status in expected
            assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("body", [b"form=%", b"\xff", b"form=a&form=b", b"a=" + b"x" * 40_000])
async def test_no_bytes_are_more_than_a_refusal(bank: House, mia: Person, body: bytes) -> None:
    page = await mia.open(bank.address())
    for step in ("/sign-in", "/decision"):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": bank.issuer.rpartition("/")[0]}
        async with mia.http.post(page.url + step, data=body, headers=headers) as answer:
            assert 400 <= answer.status < 500
