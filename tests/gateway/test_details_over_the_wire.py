"""authorization_details at a running gateway whose types are the example scripts: judged everywhere, asked about."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
import pytest_asyncio
from as_clients import FORM, findings
from test_granting_over_the_wire import address, answer, client_of, decided, pushed, request, send, tokens
from town import UK, Reply, Town

from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

has_scripts = True
OPENAPI = json.loads((Path(__file__).parents[2] / "docs/openapi-details.json").read_text())
URI = "https://bank.example/types/recurring-payments"
PAYMENT: dict[str, Any] = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}
ACCOUNTS: dict[str, Any] = {
    "type": "account_information",
    "actions": ["list_accounts", "read_balances"],
    "validUntil": "2099-01-01",
}
RECURRING: dict[str, Any] = {
    "type": URI,
    "creditorName": "Gym",
    "creditorAccount": {"iban": "DE02100100109307118603"},
    "currency": "EUR",
    "maximumIndividualAmount": "50",
    "periodicLimits": [{"period": "Month", "amount": "200"}],
    "validTo": "2099-12-31",
}
#: The servers of the bank whose certificates are there by now, as the settings name them.
SERVERS: list[str] = []


def edit(text: str) -> str:
    """Accounts for as long as the tests like, in a worker; and the bank's own servers."""
    mode = 'file = "scripts/account_information.py"\nmode = '
    assert text.count(f'{mode}"inline"') == 1
    text = text.replace(f'{mode}"inline"', f'{mode}"worker"\nproperties = {{ longestDays = "40000" }}')
    return text.replace("default_detail_types =", f"resource_servers = [{', '.join(SERVERS)}], default_detail_types =")


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem")), languages="pt-BR") as person:
        yield person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(town: Town) -> tuple[Path, Path]:
    """A server of the bank: its certificate is named in the settings from here on."""
    pair = await town.certificate("api", kind="obtransport")
    leaf, end, _ = pair[0].read_text().partition("-----END CERTIFICATE-----")
    (town.folder / "api-alone.pem").write_text(f"{leaf}{end}\n")
    SERVERS.append('{ name = "consent-pages", certificate = "api-alone.pem" }')
    await town.start()
    return pair


async def checked(town: Town, client: dict[str, Any], *details: Any, **form: Any) -> Reply:
    asked = {"authorization_details": json.dumps(details), **form} if details else form
    return await send(town, client, "authorization-details", **asked)


def as_told(reply: Reply, schema: str = "Verdict") -> Reply:
    """The answer, as docs/openapi-details.json describes it."""
    jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]}, offline=True
    ).validate(reply.body)
    return reply


def pointers(reply: Reply) -> list[str]:
    return [each["pointer"] for each in reply.body["errors"]]


async def test_types_are_those_of_the_scripts(town: Town) -> None:
    client = await client_of(town)
    assert sorted(client["authorization_details_types"]) == ["account_information", URI, "payment_initiation"]


async def test_payment_is_shown_approved_and_granted(town: Town, mia: Person) -> None:
    client = await client_of(town)
    hostile = {**PAYMENT, "ui_representation": "<b>You won!</b>\u202e Approve to collect"}
    uri = await pushed(town, client, authorization_details=json.dumps([hostile, RECURRING]))
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    seen = await mia.open(address(town, client, request_uri=uri))
    seen = await mia.submit(seen, login=people[0]["login"], password=people[0]["password"])
    assert "Pagar 123.50 EUR a Merchant A" in seen.text
    assert "no máximo 50 EUR de cada vez" in seen.text
    assert "&lt;b&gt;You won!" in seen.text
    assert "\u202e" not in seen.text
    seen = await mia.submit(seen, decision="approve")
    reply = await tokens(town, client, answer(seen)["code"])
    assert reply.body["authorization_details"] == [hostile, RECURRING]
    told = await send(town, client, "introspect", token=reply.body["access_token"])
    assert told.body["authorization_details"] == [hostile, RECURRING]


WRONG = [
    ({**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": amount}}, "/0/instructedAmount/amount")
    for amount in ("-1", "1e999", "0.1+0.2", "0", "10000.01", "1,5", "٣", "")
] + [
    ({**PAYMENT, "instructedAmount": {"currency": "gbp", "amount": "1"}}, "/0/instructedAmount/currency"),
    ({**PAYMENT, "instructedAmount": {"currency": "USD", "amount": "1"}}, "/0/instructedAmount/currency"),
    ({**PAYMENT, "creditorAccount": {"iban": "DE02100100109307118\u0421603"}}, "/0/creditorAccount/iban"),
    ({**PAYMENT, "creditorAccount": {"iban": "DE03100100109307118603"}}, "/0/creditorAccount/iban"),
    ({**PAYMENT, "creditorName": "Merchant\u202eA"}, "/0/creditorName"),
    ({**PAYMENT, "actions": "initiate"}, "/0/actions"),
    ({**PAYMENT, "surprise": 1}, "/0/surprise"),
    ({**PAYMENT, "ui_representation": "x" * 8192}, "/0/ui_representation"),
    ({**PAYMENT, "type": "Payment_initiation"}, "/0/type"),
    ({**PAYMENT, "type": "p\u0430yment_initiation"}, "/0/type"),
    ({**PAYMENT, "type": "../payment_initiation"}, "/0/type"),
    ({**PAYMENT, "type": "__init__"}, "/0/type"),
    ({**PAYMENT, "type": URI + "/"}, "/0/type"),
    ({**PAYMENT, "type": 5}, "/0/type"),
    ({"instructedAmount": {}}, "/0/type"),
    ("payment_initiation", "/0"),
]


@pytest.mark.parametrize(("detail", "pointer"), WRONG)
async def test_wrong_detail_is_refused_with_its_place_by_every_endpoint(
    town: Town, one: dict[str, Any], detail: Any, pointer: str
) -> None:
    text = json.dumps([detail])
    for reply in (
        await send(town, one, "par", **request(authorization_details=text)),
        await send(town, one, "token", grant_type="client_credentials", authorization_details=text),
    ):
        assert (reply.status, reply.body["error"]) == (400, "invalid_authorization_details"), findings(town)
        assert f"{pointer}: " in reply.body["errors"][0]["description"]
    verdict = as_told(await checked(town, one, detail))
    assert (verdict.status, verdict.body["valid"], pointers(verdict)[0]) == (200, False, pointer)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one(town: Town) -> dict[str, Any]:
    return await client_of(town, "client_secret_basic")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '"[]"',
        "[]",
        "null",
        '[{"type":"payment_initiation","type":"account_information"}]',
        '[{"type":"payment_initiation","x":NaN}]',
        '[{"type":"payment_initiation","x":"\\ud800"}]',
        "[" * 5000,
        json.dumps([json.dumps([PAYMENT])]),
        json.dumps([{"type": "payment_initiation"}] * 51),
        json.dumps([{"type": "payment_initiation", "x": "y" * 20_000}]),
    ],
)
async def test_text_that_is_no_list_of_details_is_refused(town: Town, one: dict[str, Any], text: str) -> None:
    reply = await send(town, one, "par", **request(authorization_details=text))
    assert (reply.status, reply.body["error"]) == (400, "invalid_authorization_details")
    verdict = as_told(await send(town, one, "authorization-details", authorization_details=text))
    assert (verdict.status, verdict.body["valid"]) == (200, False)


async def test_one_bad_of_many_refuses_all_and_all_faults_are_told(town: Town, one: dict[str, Any]) -> None:
    bad = {**ACCOUNTS, "validUntil": "2020-01-01", "actions": ["read_balances"]}
    reply = as_told(await checked(town, one, *[ACCOUNTS] * 20, bad, *[ACCOUNTS] * 20, {**PAYMENT, "creditorName": ""}))
    assert pointers(reply) == ["/20/validUntil", "/20/actions"] + ["/41/creditorName"] * 2
    assert [each["index"] for each in reply.body["authorization_details"] if not each["valid"]] == [20, 41]
    assert not any("text" in each for each in reply.body["authorization_details"])


async def test_two_payments_in_one_consent_are_refused_by_their_siblings(town: Town, one: dict[str, Any]) -> None:
    assert pointers(await checked(town, one, PAYMENT, ACCOUNTS, PAYMENT)) == ["/0", "/2"]


async def test_right_list_comes_with_the_banks_words(town: Town, one: dict[str, Any]) -> None:
    noted = {**ACCOUNTS, "ui_representation": "For your budget"}
    reply = as_told(await checked(town, one, PAYMENT, noted, RECURRING, ui_locales="pt-BR en"))
    assert (reply.status, reply.body["valid"], reply.body["errors"]) == (200, True, [])
    found = reply.body["authorization_details"]
    assert [each["detail"] for each in found] == [PAYMENT, noted, RECURRING]
    assert found[0]["text"].startswith("Pagar 123.50 EUR")
    assert [each.get("client_note") for each in found] == [None, "For your budget", None]


async def test_tpp_hears_of_its_registered_types_only(town: Town) -> None:
    client = await client_of(town, authorization_details_types=["account_information"])
    assert pointers(await checked(town, client, ACCOUNTS)) == []
    assert pointers(await checked(town, client, PAYMENT)) == ["/0/type"]


async def test_unknown_type_is_refused_at_registration(town: Town) -> None:
    reply = await town.post(await town.body(authorization_details_types=["Payment_initiation"]))
    assert (reply.status, reply.body["error"]) == (400, "invalid_client_metadata")


async def test_refresh_may_ask_for_less_and_never_for_more(town: Town, mia: Person) -> None:
    client = await client_of(town)
    uri = await pushed(town, client, authorization_details=json.dumps([ACCOUNTS, RECURRING]))
    first = await tokens(town, client, answer(await decided(town, mia, address(town, client, request_uri=uri)))["code"])

    async def refreshed(*details: Any) -> Reply:
        more = {"authorization_details": json.dumps(details)} if details else {}
        shown = {"grant_type": "refresh_token", "refresh_token": first.body["refresh_token"]}
        return await send(town, client, "token", **shown, **more)

    fewer = {**ACCOUNTS, "actions": ["list_accounts"]}
    smaller = {**RECURRING, "maximumIndividualAmount": "5", "periodicLimits": [{"period": "Month", "amount": "20"}]}
    for less in ([fewer], [smaller], [fewer, smaller], [ACCOUNTS]):
        reply = await refreshed(*less)
        assert (reply.status, reply.body["authorization_details"]) == (200, less), reply.body
    for more in (
        [{**ACCOUNTS, "actions": ["list_accounts", "read_balances", "read_transactions"]}],
        [{**ACCOUNTS, "validUntil": "2099-01-02"}],
        [{**RECURRING, "maximumIndividualAmount": "51"}],
        [{**RECURRING, "creditorName": "Thief"}],
        [ACCOUNTS, fewer],
        [PAYMENT],
    ):
        reply = await refreshed(*more)
        assert (reply.status, reply.body["error"]) == (400, "invalid_authorization_details"), reply.body
    assert (await refreshed()).body["authorization_details"] == [ACCOUNTS, RECURRING]


async def test_pushed_request_is_judged_by_its_name_and_not_used_up(town: Town, mia: Person) -> None:
    client, other = await client_of(town), await client_of(town, "client_secret_post")
    uri = await pushed(town, client, authorization_details=json.dumps([PAYMENT]))
    for _ in range(2):
        reply = as_told(await send(town, client, "authorization-details", request_uri=uri))
        assert (reply.status, reply.body["valid"], reply.body["client_id"]) == (200, True, client["client_id"])
    strangers = await send(town, other, "authorization-details", request_uri=uri)
    assert (strangers.status, strangers.body["error"]) == (400, "invalid_request_uri")
    assert answer(await decided(town, mia, address(town, client, request_uri=uri)))["code"]
    gone = await send(town, client, "authorization-details", request_uri=uri)
    assert (gone.status, gone.body["error"]) == (400, "invalid_request_uri")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"authorization_details": "[]", "request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"authorization_details": "[]", "for_client": "another"},
    ],
)
async def test_malformed_question_is_refused(town: Town, one: dict[str, Any], form: dict[str, str]) -> None:
    reply = as_told(await send(town, one, "authorization-details", **form), "Error")
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")


async def test_nobody_asks_without_saying_who(town: Town, one: dict[str, Any]) -> None:
    url = town.index(UK)["token_endpoint"].removesuffix("token") + "authorization-details"
    stranger = await town.certificate("nobody", kind="obtransport")
    for pair in (None, stranger):
        reply = await town.post(b"authorization_details=%5B%5D", media_type=FORM, url=url, pair=pair)
        assert (reply.status, reply.body["error"]) in ((401, "invalid_client"), (400, "invalid_request"))
    public = town.index(UK)["issuer"] + "/authorization-details"
    assert (await town.post(b"", media_type=FORM, url=public)).status == 401
    assert (await town.post(b"", media_type=FORM, url=url, method="GET")).status == 405


async def test_server_of_the_bank_asks_for_any_client(town: Town, server: tuple[Path, Path]) -> None:
    client = await client_of(town)
    url = town.index(UK)["token_endpoint"].removesuffix("token") + "authorization-details"

    async def asked(**form: str) -> Reply:
        return await town.post(urlencode(form).encode(), media_type=FORM, url=url, pair=server)

    details = json.dumps([PAYMENT])
    reply = as_told(await asked(authorization_details=details, for_client=client["client_id"]))
    assert (reply.status, reply.body["valid"]) == (200, True), findings(town)
    uri = await pushed(town, client, authorization_details=details)
    by_uri = as_told(await asked(request_uri=uri))
    assert (by_uri.body["client_id"], by_uri.body["authorization_details"][0]["detail"]) == (
        client["client_id"],
        PAYMENT,
    )
    for form, error in (
        ({"authorization_details": details}, "invalid_request"),
        ({"authorization_details": details, "for_client": "nobody"}, "invalid_request"),
        ({"request_uri": uri, "for_client": "nobody"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:nothing"}, "invalid_request_uri"),
    ):
        refused = as_told(await asked(**form), "Error")
        assert (refused.status, refused.body["error"]) == (400, error)


async def test_new_generation_of_a_script_changes_the_types_at_once(town: Town) -> None:
    client = await client_of(town)
    well_known = town.index(UK)["well_known"]
    script = town.folder / "scripts/payment_initiation.py"
    text = script.read_text()
    assert town.gateway is not None
    try:
        script.write_text(text.replace('value_of("currencies", "GBP EUR")', '"CHF"'))
        (town.folder / "scripts/payment_initiation.cases.toml").rename(town.folder / "scripts/cases.aside")
        await town.gateway.scripts.keeper.look()
        assert pointers(await checked(town, client, PAYMENT)) == ["/0/instructedAmount/currency"]
    finally:
        script.write_text(text)
        (town.folder / "scripts/cases.aside").rename(town.folder / "scripts/payment_initiation.cases.toml")
        await town.gateway.scripts.keeper.look()
    assert pointers(await checked(town, client, PAYMENT)) == []
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as anybody:
        document = json.loads((await anybody.open(well_known)).text)
    assert document["authorization_details_types_supported"] == ["account_information", URI, "payment_initiation"]


async def test_broken_schema_leaves_the_last_good_generation(town: Town) -> None:
    client = await client_of(town)
    schema = town.folder / "scripts/payment_initiation.schema.json"
    text = schema.read_text()
    assert town.gateway is not None
    try:
        schema.write_text('{"$ref": "https://elsewhere.example/schema.json"}')
        await town.gateway.scripts.keeper.look()
        assert pointers(await checked(town, client, PAYMENT)) == []
        assert any("schema" in each.what for each in town.gateway.scripts.keeper.errors())
        schema.write_text('{"properties": {"creditorName": {"const": "Nobody"}}}')
        await town.gateway.scripts.keeper.look()
        assert pointers(await checked(town, client, PAYMENT)) == ["/0/creditorName"]
    finally:
        schema.write_text(text)
        await town.gateway.scripts.keeper.look()


async def test_description_names_what_is_served() -> None:
    assert OPENAPI["openapi"].startswith("3.1.")
    assert list(OPENAPI["paths"]) == ["/authorization-details"]
    assert set(OPENAPI["paths"]["/authorization-details"]["post"]["responses"]) == {"200", "400", "401", "500", "503"}
