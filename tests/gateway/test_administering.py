"""Looking after clients: who may, what it does, what is recorded, and what never leaves."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from admin_clients import STRANGER, administrator, ask, ask_as, ask_by_tls, server
from town import UK, Reply, Town, running

from dcrgw.sandbox.serving import free_ports
from dcrgw.testkit.certificates import CertificateAuthority

pytestmark = pytest.mark.asyncio(loop_scope="module")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

CA = CertificateAuthority.create("Operators' own CA")
PORT = free_ports(1)[0]
READING_GROUP = 61234

ADMIN = f"""[admin]
socket = "admin.sock"
group = "{STRANGER if os.geteuid() == 0 else os.getgid()}"
readers = ["%{READING_GROUP}"]

[admin.tls]
port = {PORT}
certificate = "admin.pem"
key = "admin.key"
client_ca = ["operators.pem"]
readers = ["reader"]
writers = ["writer"]
hosts = ["localhost"]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "operators.pem").write_bytes(CA.certificate_pem)
    server(CA, folder)
    for name in ("reader", "writer", "nobody"):
        administrator(CA, name, folder)
    administrator(CertificateAuthority.create("Another CA"), "stranger", folder)

    def edit(text: str) -> str:
        # The file is written anew for each start, from itself.
        head, _, rest = text.partition("[admin]\n")
        return head + ADMIN + "\n" + rest[rest.index("[registry]") :]

    async with running(folder, edit) as opened:
        # Other users may pass through, but not look.
        folder.chmod(0o711)
        yield opened


async def local(town: Town, method: str, target: str, **more: Any) -> Reply:
    return await ask(town.folder / "admin.sock", method, target, **more)


async def by_tls(town: Town, name: str | None, method: str, target: str, **more: Any) -> Reply:
    pair = (town.folder / f"{name}.pem", town.folder / f"{name}.key") if name else None
    return await ask_by_tls(PORT, town.folder / "operators.pem", pair, method, target, **more)


async def registered(town: Town, market: str = UK) -> str:
    """A new client as the path of it."""
    # A body that no other test has: the unsigned form has no jti.
    reply = await town.post(await town.body(market, contacts=[f"{uuid4()}@tpp.example"]), market)
    assert reply.status == 201, reply.body
    return f"/clients/{market}/{reply.body['client_id']}"


async def test_a_client_is_shown_with_attributes_and_without_secrets(town: Town) -> None:
    answer = (await town.post(await town.body("generic"), "generic")).body
    shown = await local(town, "GET", f"/clients/generic/{answer['client_id']}")
    assert shown.status == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.body["metadata"]["client_name"] == shown.body["client_name"] == answer["client_name"]
    assert shown.body["org_name"] == shown.body["software_statement_claims"]["org_name"]
    assert (shown.body["status"], shown.body["version"], shown.body["attributes"]) == ("active", 1, {})
    text = json.dumps(shown.body)
    assert answer["client_secret"] not in text
    assert answer["software_statement"] not in text
    assert "client_secret" not in shown.body["metadata"]


async def test_the_list_goes_by_pages_and_the_search_by_members(town: Town) -> None:
    mine = {(await registered(town)).removeprefix("/clients/") for _ in range(3)}
    seen: list[str] = []
    after = ""
    while True:
        page = (await local(town, "GET", f"/clients?market={UK}&limit=2{after}")).body
        seen += [f"{each['market']}/{each['client_id']}" for each in page["clients"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == sorted(set(seen))
    assert mine <= set(seen)
    org_id = town.index()["org_id"]
    assert mine <= await found(town, f"org_id={org_id}&status=active")
    assert await found(town, f"text={mine.pop().partition('/')[2][:20].upper()}")
    assert await found(town, "org_id=nobody") == set()


async def found(town: Town, query: str) -> set[str]:
    answer = await local(town, "GET", f"/clients?limit=500&{query}")
    return {f"{each['market']}/{each['client_id']}" for each in answer.body["clients"]}


async def test_suspension_and_its_end_are_recorded_with_author_and_reason(town: Town) -> None:
    client = await registered(town)
    headers = {"Content-Type": "application/json", "x-fapi-interaction-id": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}
    suspended = await local(
        town, "POST", f"{client}/suspend", body=json.dumps({"reason": "NCA ticket 7"}), headers=headers
    )
    assert (suspended.status, suspended.body["status"], suspended.body["version"]) == (200, "suspended", 2)
    again = await local(town, "POST", f"{client}/suspend")
    assert (again.status, again.body["version"]) == (200, 2)
    restored = await local(town, "POST", f"{client}/restore")
    assert (restored.status, restored.body["status"], restored.body["version"]) == (200, "active", 3)
    rows = (await local(town, "GET", f"{client}/history")).body["history"]
    assert [(row["operation"], row["decision"]) for row in rows] == [
        ("restore", "changed"),
        ("suspend", "unchanged"),
        ("suspend", "changed"),
        ("create", "registered"),
    ]
    author = (await local(town, "GET", f"{client}/history?limit=1")).body["history"][0]["author"]
    assert author.startswith("admin:")
    assert [row["author"] for row in rows] == [author] * 3 + ["tpp"]
    assert rows[2]["facts"] == {"reason": "NCA ticket 7", "status": "active", "version": "1", "becomes": "suspended"}
    assert rows[2]["interaction_id"] == headers["x-fapi-interaction-id"]


async def test_a_suspended_client_does_not_register_its_bytes_again(town: Town) -> None:
    body = await town.body()
    client = f"/clients/{UK}/{(await town.post(body)).body['client_id']}"
    assert (await local(town, "POST", f"{client}/suspend")).status == 200
    assert (await town.post(body)).checks == ["registry.client.active"]
    assert (await local(town, "POST", f"{client}/restore")).status == 200
    assert (await town.post(body)).status == 201


async def test_what_was_deleted_stays_deleted_and_shows_what_an_audit_needs(town: Town) -> None:
    client = await registered(town, "generic")
    deleted = await local(town, "DELETE", client)
    assert (deleted.status, deleted.body["status"]) == (200, "deleted")
    assert deleted.body["metadata"].keys() <= {
        "client_name", "redirect_uris", "scope", "token_endpoint_auth_method",
    }  # fmt: skip
    for verb in ("suspend", "restore"):
        refused = await local(town, "POST", f"{client}/{verb}")
        assert (refused.status, refused.checks) == (409, ["admin.client.status"])
    assert (await local(town, "DELETE", client)).body["version"] == deleted.body["version"]
    rows = (await local(town, "GET", f"{client}/history")).body["history"]
    assert [row["decision"] for row in rows] == ["unchanged", "refused", "refused", "changed", "registered"]


async def test_orders_at_once_leave_one_state_and_every_row(town: Town) -> None:
    client = await registered(town)
    replies = await asyncio.gather(*(local(town, "POST", f"{client}/{v}") for v in ("suspend", "restore") * 4))
    assert {reply.status for reply in replies} <= {200, 409, 503}
    rows = (await local(town, "GET", f"{client}/history")).body["history"]
    changed = [row["facts"]["version"] for row in rows if row["decision"] == "changed"]
    assert sorted(changed, key=int, reverse=True) == changed
    assert len(set(changed)) == len(changed)
    last = (await local(town, "GET", client)).body
    assert last["version"] == len(changed) + 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_client_is_told_so(town: Town, method: str) -> None:
    reply = await local(town, method, f"/clients/{UK}/nobody")
    assert (reply.status, reply.checks) == (404, ["admin.client.known"])
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert (reply.body["type"], reply.body["title"], reply.body["status"]) == ("about:blank", "Not Found", 404)


@pytest.mark.parametrize(
    ("method", "target", "more", "status", "check"),
    [
        ("GET", "/clients?limit=0", {}, 400, "admin.query"),
        ("GET", "/clients?limit=501", {}, 400, "admin.query"),
        ("GET", "/clients?limit=5&limit=6", {}, 400, "admin.query"),
        ("GET", "/clients?colour=blue", {}, 400, "admin.query"),
        ("GET", "/clients?status=asleep", {}, 400, "admin.query"),
        ("GET", "/clients?after=nonsense", {}, 400, "admin.query"),
        ("GET", "/clients?text=", {}, 400, "admin.query"),
        ("GET", "/clients?text=" + "a" * 201, {}, 400, "admin.query"),
        ("GET", "/clients?text=%ff", {}, 400, "admin.query"),
        ("GET", "/clients?text", {}, 400, "admin.query"),
        ("GET", "/clients/uk-3.2/a?limit=1", {}, 400, "admin.query"),
        ("DELETE", "/clients/uk-3.2/a?force=1", {}, 400, "admin.query"),
        ("GET", "/", {}, 404, "http.path"),
        ("GET", "/clients/", {}, 404, "http.path"),
        ("GET", "/clients/uk-3.2", {}, 404, "http.path"),
        ("GET", "/clients/uk-3.2/%61", {}, 404, "http.path"),
        ("GET", "/clients/uk-3.2/..", {}, 404, "admin.client.known"),
        ("POST", "/clients/uk-3.2/a/promote", {}, 404, "http.path"),
        ("POST", "/clients", {}, 405, "http.method"),
        ("PUT", "/clients/uk-3.2/a", {}, 405, "http.method"),
        ("GET", "/clients/uk-3.2/a/suspend", {}, 405, "http.method"),
        ("POST", "/clients/uk-3.2/a/history", {}, 405, "http.method"),
        ("GET", "/clients", {"headers": {"Host": "evil.example"}}, 421, "admin.host"),
        ("GET", "/clients", {"headers": {"Origin": "https://evil.example"}}, 403, "admin.browser"),
        ("GET", "/clients", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "admin.browser"),
        ("POST", "/clients/uk-3.2/a/suspend", {"body": "x=1"}, 400, "admin.body"),
        ("POST", "/clients/uk-3.2/a/suspend", {"json": "[]"}, 400, "admin.body"),
        ("POST", "/clients/uk-3.2/a/suspend", {"json": '{"reason": 1}'}, 400, "admin.body"),
        ("POST", "/clients/uk-3.2/a/suspend", {"json": '{"reason": "a", "b": 1}'}, 400, "admin.body"),
        ("POST", "/clients/uk-3.2/a/suspend", {"json": '{"reason": "%s"}' % ("a" * 501)}, 400, "admin.body"),
        ("POST", "/clients/uk-3.2/a/suspend", {"json": '{"reason": "%s"}' % ("a" * 9000)}, 413, "http.size"),
    ],
)
async def test_what_is_not_asked_rightly_is_refused(
    town: Town, method: str, target: str, more: dict[str, Any], status: int, check: str
) -> None:
    if "json" in more:
        more = {"body": more["json"], "headers": {"Content-Type": "application/json"}}
    reply = await local(town, method, target, **more)
    assert (reply.status, reply.checks) == (status, [check])
    assert reply.headers["Content-Type"] == "application/problem+json"


@needs_root
async def test_a_user_without_the_group_does_not_open_the_socket(town: Town) -> None:
    answer = await ask_as(12345, [], town.folder, "admin.sock", "GET", "/clients")
    assert answer == {"error": "PermissionError"}


@needs_root
async def test_a_user_who_is_not_listed_learns_nothing(town: Town) -> None:
    for target in ("/clients", "/nowhere", f"/clients/{UK}/nobody"):
        answer = await ask_as(STRANGER, [STRANGER], town.folder, "admin.sock", "GET", target)
        assert (answer["status"], answer["body"]["errors"][0]["check"]) == (403, "admin.permitted")
        assert "root" in answer["body"]["detail"]


@needs_root
async def test_a_reader_by_group_looks_and_changes_nothing(town: Town) -> None:
    client, groups = await registered(town), [STRANGER, READING_GROUP]
    seen = await ask_as(12345, groups, town.folder, "admin.sock", "GET", client)
    assert (seen["status"], seen["body"]["status"]) == (200, "active")
    for method, target in [("DELETE", client), ("POST", f"{client}/suspend"), ("POST", f"{client}/revoke-tokens")]:
        refused = await ask_as(12345, groups, town.folder, "admin.sock", method, target)
        assert (refused["status"], refused["body"]["errors"][0]["check"]) == (403, "admin.permitted")
        assert "you are 12345" in refused["body"]["detail"]
    assert (await local(town, "GET", client)).body["version"] == 1
    assert len((await local(town, "GET", f"{client}/history")).body["history"]) == 1


async def test_certificates_of_the_operators_ca_read_and_write_by_name(town: Town) -> None:
    client = await registered(town)
    assert (await by_tls(town, "reader", "GET", client)).status == 200
    refused = await by_tls(town, "reader", "POST", f"{client}/suspend")
    assert (refused.status, refused.checks) == (403, ["admin.permitted"])
    assert (await by_tls(town, "writer", "POST", f"{client}/suspend")).status == 200
    rows = (await by_tls(town, "reader", "GET", f"{client}/history")).body["history"]
    assert (rows[0]["operation"], rows[0]["author"]) == ("suspend", "admin:CN=writer")


async def test_a_name_that_is_not_listed_is_refused(town: Town) -> None:
    for target in ("/clients", "/nowhere"):
        refused = await by_tls(town, "nobody", "GET", target)
        assert (refused.status, refused.checks) == (403, ["admin.permitted"])


async def test_another_host_is_refused_by_tls_too(town: Town) -> None:
    refused = await by_tls(town, "writer", "GET", "/clients", headers={"Host": "evil.example"})
    assert (refused.status, refused.checks) == (421, ["admin.host"])


@pytest.mark.parametrize("name", [None, "stranger"])
async def test_no_certificate_and_one_of_another_ca_do_not_get_in(town: Town, name: str | None) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - ssl's, or the connection's end
        await by_tls(town, name, "GET", "/clients")


async def test_a_tpps_certificate_does_not_get_in(town: Town) -> None:
    index = town.index()
    pair = (town.folder / index["transport_cert"], town.folder / index["transport_key"])
    with pytest.raises(OSError):  # noqa: PT011
        await ask_by_tls(PORT, town.folder / "operators.pem", pair, "GET", "/clients")


async def test_the_socket_is_gone_when_the_gateway_is_and_back_after_a_restart(town: Town) -> None:
    await town.stop()
    assert "admin.sock" not in {path.name for path in town.folder.iterdir()}
    await town.start()
    assert (await local(town, "GET", "/clients")).status == 200


async def test_readers_look_at_scripts_and_try_them_but_change_none(town: Town) -> None:
    async def by_tls(name: str, method: str, target: str) -> Reply:
        pair = (town.folder / f"{name}.pem", town.folder / f"{name}.key")
        return await ask_by_tls(PORT, town.folder / "operators.pem", pair, method, target)

    assert (await by_tls("reader", "GET", "/scripts")).status == 200
    assert (await by_tls("reader", "GET", "/scripts/errors")).status == 200
    assert (await by_tls("nobody", "GET", "/scripts")).checks == ["admin.permitted"]
    assert (await by_tls("reader", "POST", "/scripts/AAAA-0000/test")).checks == ["admin.script.known"]
    for method, path in (("DELETE", ""), ("PUT", ""), ("PATCH", ""), ("POST", "/enable"), ("POST", "/rollback")):
        assert (await by_tls("reader", method, f"/scripts/AAAA-0000{path}")).checks == ["admin.permitted"]
        assert (await by_tls("writer", method, f"/scripts/AAAA-0000{path}")).checks != ["admin.permitted"]
    assert (await by_tls("reader", "POST", "/scripts")).checks == ["admin.permitted"]
