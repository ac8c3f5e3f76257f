"""The story of one payment: pushed, put into words, approved by a customer, granted; and of one that is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

from dcrgw.sandbox.narrator import Line, Narrator
from dcrgw.sandbox.telling import StoryFailed, ask, expect, short
from dcrgw.testkit.person import Person, Seen
from dcrgw.tpp import answers, authorization, credentials, discovery, grants
from dcrgw.tpp.authorization import Authorization, NotAuthorized
from dcrgw.tpp.client import Answer
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Setup

PAYMENT: Mapping[str, Any] = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "GBP", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "GB33BUKB20201555555555"},
    "remittanceInformationUnstructured": "Order 7",
}
#: What the refused payment does wrong: an amount that is none, and a creditor without an account.
WRONG: Mapping[str, Any] = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "GBP", "amount": "-1"},
    "creditorName": "Merchant A",
}
POINTERS = ("/0/instructedAmount/amount", "/0/creditorAccount")

_PARAGRAPH = re.compile(r"<[^>]+>")


async def tell_consent(
    tpp: Setup, known: KnownClient, customer: Mapping[str, str], say: Narrator, *, on_pages: str | None = None
) -> None:
    """From the pushed payment to the token that holds it; then one with faults. Raises: StoryFailed.

    `on_pages` is the path below the issuer at which the bank's own server asks its customers, where it has one.
    """
    bank = await _discovered(tpp, say)
    asked = await _pushed(bank, known, say)
    url = await _approved(asked, bank.server_ca, customer, on_pages, say)
    asked = await _proven(asked, url, bank, say)
    await _granted(asked, bank, known, say)
    await _refused(bank, known, say)


async def _discovered(tpp: Setup, say: Narrator) -> Setup:
    with say.step("The TPP reads where the bank's endpoints are") as line:
        answer = await ask(tpp, discovery.prepare(tpp, Moment()), 200, line)
        for each in _list(answer, "authorization_details_types_supported"):
            line(f"takes authorization_details of the type {each}")
        return discovery.learnt(tpp, answer)


async def _pushed(bank: Setup, known: KnownClient, say: Narrator) -> Authorization:
    with say.step("The TPP pushes a payment for its customer to decide") as line:
        line(f"authorization_details: {json.dumps([PAYMENT])}")
        asked = authorization.begin(bank, known, scope="openid", details=json.dumps([PAYMENT]))
        answer = await _send(asked.brought, bank.pushed_endpoint, bank, known, 201, line)
        uri = str(answer.members.get("request_uri", ""))
        expect(bool(uri), "the answer holds no request_uri", answer)
        line(f"request_uri for {answer.members.get('expires_in')} s")
        return authorization.pushed(asked, uri)


async def _approved(
    asked: Authorization, server_ca: Path | None, customer: Mapping[str, str], on_pages: str | None, say: Narrator
) -> str:
    with say.step(f"{customer['name']} signs in at the bank, reads and approves") as line:
        async with Person(credentials.tls_context(credentials.Transport(), server_ca)) as person:
            seen = await person.open(asked.address)
            expect(seen.status == 200, f"the bank's page was answered {seen.status}")
            if on_pages is not None:
                expect(f"/{on_pages}/" in seen.url, "the page is not the authorization server's own")
                line(f"on the authorization server's own page, {seen.url}")
            seen = await person.submit(seen, login=customer["login"], password=customer["password"])
            words = f"Merchant A ({' '.join(re.findall('.{1,4}', PAYMENT['creditorAccount']['iban']))})"
            shown = next((each for each in _paragraphs(seen) if words in each), None)
            expect(shown is not None, "the page does not say whom the payment is for")
            line(f"the page says: {shown}")
            seen = await person.submit(seen, decision="approve")
        expect(seen.left_for is not None, f"the browser was not sent back, but answered {seen.status}")
        line(f"the browser goes back to {asked.redirect_uri} with the answer")
        return seen.left_for or ""


async def _proven(asked: Authorization, url: str, bank: Setup, say: Narrator) -> Authorization:
    with say.step("The bank's ID token vouches for the answer") as line:
        keys = await ask(bank, answers.keys_request(asked), 200, line)
        try:
            found = answers.answered(asked, url, keys.body, Moment().now)
        except NotAuthorized as failure:
            raise StoryFailed(str(failure)) from None
        line("it holds c_hash of the code, s_hash of the state, and the nonce of the request")
        return found


async def _granted(asked: Authorization, bank: Setup, known: KnownClient, say: Narrator) -> None:
    with say.step("The code becomes a token that holds the payment") as line:
        answer = await ask(bank, grants.prepare(bank, known, Moment(), form=asked.redemption), 200, line)
        expect(answer.members.get("authorization_details") == [PAYMENT], "the token is for something else", answer)
        line(f"authorization_details: {short(answer.members['authorization_details'])}")
    with say.step("Introspection says what it is good for") as line:
        form = {"token": str(answer.members.get("access_token", ""))}
        told = await _send(form, bank.introspection_endpoint, bank, known, 200, line)
        expect(told.members.get("authorization_details") == [PAYMENT], "introspection tells something else", told)
        for name in ("active", "sub", "scope", "authorization_details"):
            line(f"{name}: {short(told.members.get(name))}")


async def _refused(bank: Setup, known: KnownClient, say: Narrator) -> None:
    with say.step("A payment with faults is refused, each with its place") as line:
        line(f"authorization_details: {json.dumps([WRONG])}")
        asked = authorization.begin(bank, known, scope="openid", details=json.dumps([WRONG]))
        answer = await _send(asked.brought, bank.pushed_endpoint, bank, known, 400, line)
        line(f"error: {answer.members.get('error')}")
        told = [str(each.get("description")) for each in _list(answer, "errors") if isinstance(each, dict)]
        for each in told:
            line(each)
        missing = [place for place in POINTERS if not any(f"{place}:" in each for each in told)]
        expect(not missing, f"the refusal does not name {', '.join(missing)}", answer)


async def _send(
    form: Mapping[str, str], endpoint: str | None, bank: Setup, known: KnownClient, expected: int, line: Line
) -> Answer:
    """One form of the client, with its proof."""
    expect(endpoint is not None, "the discovery document names no such endpoint")
    request = grants.proven(form, "form", str(endpoint), bank, known, Moment(), audience=bank.issuer)
    return await ask(bank, request, expected, line)


def _list(answer: Answer, name: str) -> list[Any]:
    found = answer.members.get(name)
    return found if isinstance(found, list) else []


def _paragraphs(seen: Seen) -> list[str]:
    """The page's lines of text, without markup."""
    return [" ".join(unescape(each).split()) for each in _PARAGRAPH.sub("\n", seen.text).split("\n") if each.strip()]
