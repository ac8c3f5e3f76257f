"""Reading, updating and deleting, each over fakes: who may, what is replaced, and who wins a race."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest
from small_bank import PROFILES, SOFTWARE_KEY, Bank, certificate, only

from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.registration.information import client_information
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.testkit.statements import NOW

pytestmark = pytest.mark.parametrize("profile", PROFILES)
NOT_AUTHORISED = ("management.authorised", 401, "invalid_token")


@pytest.fixture
def bank(profile: str) -> Bank:
    return Bank(profile)


async def refused(call: Awaitable[Any]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value


async def test_client_reads_what_was_registered(bank: Bank) -> None:
    client, token = await bank.register()
    assert await bank.get(client.client_id, token) == client
    assert bank.report.decision == "read"


async def test_read_changes_nothing_but_the_audit_trail(bank: Bank) -> None:
    client, token = await bank.register()
    await bank.get(client.client_id, token)
    last = bank.registry.changes[-1]
    assert (last.client, last.issues, last.ends_token, last.ends_tokens_of) == (None, None, None, None)
    assert (last.audit.decision, last.audit.client_id) == ("read", client.client_id)


async def test_update_replaces_the_whole_registration(bank: Bank) -> None:
    client, token = await bank.register()
    changes: dict[str, Any] = {
        "response_types": None,
        "scope": "openid",
        "client_name": None,
        "client_name#ja-Jpan-JP": None,
    }
    if bank.is_plain:
        changes["client_id"] = client.client_id
    updated = await bank.put(client.client_id, token, bank.body(**changes))
    assert bank.stored(client.client_id) == updated
    assert updated.metadata.text("scope") == "openid"
    # Omitted, so defaulted, not kept.
    assert updated.metadata.texts("response_types") == (("code",) if bank.is_plain else ("code id_token",))
    assert "client_name#ja-Jpan-JP" not in updated.metadata.members
    assert updated.version == client.version + 1
    assert (updated.client_id, updated.client_id_issued_at) == (client.client_id, client.client_id_issued_at)
    assert bank.registry.changes[-1].audit.decision == "updated"


async def test_update_ends_no_token(bank: Bank) -> None:
    client, token = await bank.register()
    other = bank.token(client.client_id)
    await bank.put(client.client_id, token)
    assert token_hash(other) in bank.registry.tokens
    assert (await bank.get(client.client_id, token)).version == 2


async def test_answer_sent_back_is_taken_and_changes_nothing(bank: Bank) -> None:
    client, token = await bank.register(bank.body(bank.statement()))
    answer: dict[str, Any] = dict(client_information(client, bank.market.profile))
    for member in ("client_secret_expires_at", "client_id_issued_at"):
        answer.pop(member, None)
    bank.clock.at = NOW + 86_400
    body = json.dumps(answer).encode()
    if not bank.is_plain:
        body = bank.body(str(answer.pop("software_statement")), **answer)
    token = token if bank.is_plain else bank.token(client.client_id)
    updated = await bank.put(client.client_id, token, body)
    assert updated.metadata == client.metadata
    assert updated.secrets == client.secrets
    assert updated.software_statement == client.software_statement


async def test_stored_statement_needs_no_age_unless_the_bank_says_so(bank: Bank) -> None:
    bank.policy = {"update_takes_stored_statement": False}
    statement = bank.statement()
    client, token = await bank.register(bank.body(statement))
    bank.clock.at = NOW + 86_400
    token = token if bank.is_plain else bank.token(client.client_id)
    again = {"client_id": client.client_id} if bank.is_plain else {}
    refusal = await refused(bank.put(client.client_id, token, bank.body(statement, **again)))
    assert only(refusal)[0] == ("statement.exp.past" if bank.is_plain else "statement.iat.age")
    assert bank.stored(client.client_id) == client


async def test_failed_update_changes_nothing(bank: Bank) -> None:
    client, token = await bank.register()
    again = {"client_id": client.client_id} if bank.is_plain else {}
    body = bank.body(redirect_uris=["http://tpp.example/cb"], **again)
    refusal = await refused(bank.put(client.client_id, token, body))
    assert only(refusal)[2] == "invalid_redirect_uri"
    assert bank.stored(client.client_id) == client
    audit = bank.registry.changes[-1].audit
    assert (audit.decision, audit.client_id) == ("refused", client.client_id)


async def test_token_in_the_place_of_the_client_id_is_not_kept(bank: Bank) -> None:
    client, token = await bank.register()
    for addressed in ("s" * 36, "t" * 43):
        await refused(bank.put(addressed, token, bank.body(client_id=client.client_id)))
        assert addressed not in str(bank.registry.changes[-1].audit)


async def test_policy_is_judged_on_the_new_state(bank: Bank) -> None:
    client, token = await bank.register()
    body = bank.body(token_endpoint_auth_method="none", client_id=client.client_id)
    assert only(await refused(bank.put(client.client_id, token, body)))[:2] == ("rules.auth_method.offered", 400)


async def test_what_only_the_server_sets_may_not_be_sent(bank: Bank) -> None:
    client, token = await bank.register()
    body = bank.body(client_id=client.client_id, client_id_issued_at=client.client_id_issued_at)
    refusal = await refused(bank.put(client.client_id, token, body))
    assert only(refusal) == ("update.members.settable", 400, "invalid_client_metadata")


async def test_statement_of_another_software_is_refused(bank: Bank) -> None:
    client, token = await bank.register(bank.body(bank.statement()))
    foreign = bank.statement(software_id="another")
    refusal = await refused(bank.put(client.client_id, token, bank.body(foreign, client_id=client.client_id)))
    assert only(refusal) == ("update.software.same", 400, "unapproved_software_statement")


async def test_older_statement_is_refused(bank: Bank) -> None:
    client, token = await bank.register(bank.body(bank.statement(iat=NOW)))
    older = bank.statement(iat=NOW - 60)
    refusal = await refused(bank.put(client.client_id, token, bank.body(older, client_id=client.client_id)))
    assert only(refusal) == ("update.statement.not_older", 400, "unapproved_software_statement")


async def test_newer_statement_takes_the_old_ones_place(bank: Bank) -> None:
    client, token = await bank.register(bank.body(bank.statement(iat=NOW - 60)))
    newer = bank.statement(iat=NOW, extra="new")
    updated = await bank.put(client.client_id, token, bank.body(newer, client_id=client.client_id))
    assert updated.software_statement == newer
    assert updated.statement_claims["extra"] == "new"


SECRET = {"token_endpoint_auth_method": "client_secret_basic"}
SIGNED = {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256"}
WITH_KEYS = {"jwks": {"keys": [SOFTWARE_KEY.public_jwk()]}}


async def test_secret_is_made_kept_and_dropped_with_the_method(bank: Bank) -> None:
    keys = WITH_KEYS if bank.is_plain else {}
    client, token = await bank.register(bank.body(**SIGNED, **keys))
    assert "client_secret" not in client.secrets
    made = await bank.put(client.client_id, token, bank.body(client_id=client.client_id, **SECRET))
    secret = made.secrets["client_secret"]
    kept = await bank.put(
        client.client_id, token, bank.body(client_id=client.client_id, client_secret=secret, **SECRET)
    )
    assert kept.secrets["client_secret"] == secret
    gone = await bank.put(client.client_id, token, bank.body(client_id=client.client_id, **SIGNED, **keys))
    assert "client_secret" not in gone.secrets
    refusal = await refused(
        bank.put(client.client_id, token, bank.body(client_id=client.client_id, client_secret=secret, **SECRET))
    )
    assert only(refusal)[0] == "update.client_secret.same"


async def test_client_cannot_choose_its_secret(bank: Bank) -> None:
    client, token = await bank.register(bank.body(**SECRET))
    body = bank.body(client_id=client.client_id, client_secret="chosen", **SECRET)
    assert only(await refused(bank.put(client.client_id, token, body)))[0] == "update.client_secret.same"
    assert bank.stored(client.client_id).secrets == client.secrets


async def test_scripts_of_an_update_are_told_the_client_and_keep_its_attributes(bank: Bank) -> None:
    bank.scripts.outcome = lambda call: {"attributes": {**call.attributes, "calls": len(bank.scripts.calls)}}
    client, token = await bank.register()
    updated = await bank.put(client.client_id, token)
    method, call = bank.scripts.calls[-1]
    assert (method, call.client_id, call.attributes) == ("updateClient", client.client_id, {"calls": 1})
    assert updated.attributes == {"calls": 2}


async def test_script_may_not_change_the_client_id(bank: Bank) -> None:
    client, token = await bank.register()
    bank.scripts.outcome = lambda call: {"client_id": "another"}
    with pytest.raises(Misconfigured):
        await bank.put(client.client_id, token)
    assert bank.failed == ["script.output"]
    assert bank.stored(client.client_id) == client


async def test_what_scripts_make_of_an_update_passes_the_rules(bank: Bank) -> None:
    client, token = await bank.register()

    def widened(call: Any) -> dict[str, Any]:
        members = {**call.metadata.members, "redirect_uris": ["http://elsewhere.example/cb"]}
        return {"metadata": replace(call.metadata, members=members)}

    bank.scripts.outcome = widened
    with pytest.raises(Misconfigured):
        await bank.put(client.client_id, token)
    assert bank.stored(client.client_id) == client


async def test_directory_is_asked_again(bank: Bank) -> None:
    client, token = await bank.register()
    bank.directory.changes = {"organisation_active": False}
    if bank.is_plain:
        assert (await bank.put(client.client_id, token)).version == 2
    else:
        assert only(await refused(bank.put(client.client_id, token)))[0] == "standing.organisation.active"


async def test_deleted_client_and_its_tokens_are_gone(bank: Bank) -> None:
    client, token = await bank.register()
    other, its = await bank.register(bank.body(scope="openid"))
    await bank.delete(client.client_id, token)
    assert bank.registry.changes[-1].ends_tokens_of == ("uk", client.client_id)
    assert bank.stored(client.client_id).status is ClientStatus.DELETED
    for again in (bank.get, bank.put, bank.delete):
        assert only(await refused(again(client.client_id, token))) == NOT_AUTHORISED
    assert (await bank.get(other.client_id, its)).client_id == other.client_id


async def test_deletion_is_audited_with_its_client(bank: Bank) -> None:
    client, token = await bank.register()
    await bank.delete(client.client_id, token)
    audit = bank.registry.changes[-1].audit
    assert (audit.decision, audit.client_id) == ("deleted", client.client_id)


async def test_unknown_foreign_deleted_and_suspended_clients_answer_alike(bank: Bank) -> None:
    client, token = await bank.register()
    other, its = await bank.register(bank.body(scope="openid"))
    gone, last = await bank.register(bank.body(scope="openid accounts" if not bank.is_plain else "profile"))
    await bank.delete(gone.client_id, last)
    if not bank.is_plain:
        last = bank.token(gone.client_id)
    cases = [("nobody", token), (other.client_id, bank.token(client.client_id)), (gone.client_id, last), ("../x", its)]
    refusals = [await refused(bank.get(client_id, presented)) for client_id, presented in cases]
    suspended = replace(client, status=ClientStatus.SUSPENDED)
    bank.registry.clients["uk", client.client_id] = suspended
    refusals.append(await refused(bank.get(client.client_id, token)))
    assert {refusal.faults for refusal in refusals} == {refusals[0].faults}
    assert {only(refusal) for refusal in refusals} == {NOT_AUTHORISED}
    assert {tuple(refusal.headers) for refusal in refusals} == {()}


async def test_access_token_used_on_another_client_ends_and_a_registration_token_does_not(bank: Bank) -> None:
    client, token = await bank.register()
    await refused(bank.get("nobody", token))
    if bank.is_plain:
        assert await bank.get(client.client_id, token) == client
    else:
        assert bank.registry.changes[-1].ends_token == token_hash(token)
        assert only(await refused(bank.get(client.client_id, token))) == NOT_AUTHORISED


async def test_expired_token_is_refused(bank: Bank) -> None:
    client, token = await bank.register()
    bank.clock.at += 300
    if bank.is_plain:
        assert await bank.get(client.client_id, token) == client
    else:
        assert only(await refused(bank.get(client.client_id, token))) == NOT_AUTHORISED
        assert bank.failed[0] == "management.token.current"


async def test_renewed_certificate_goes_on_with_a_new_token(bank: Bank) -> None:
    client, token = await bank.register()
    renewed = certificate("renewed")
    if not bank.is_plain:
        # The old token is bound to the old certificate, and stays good for it.
        assert only(await refused(bank.get(client.client_id, token, renewed))) == NOT_AUTHORISED
        assert bank.failed[0] == "management.token.certificate"
        assert await bank.get(client.client_id, token) == client
        token = bank.token(client.client_id, renewed)
    assert await bank.get(client.client_id, token, renewed) == client
    updated = await bank.put(client.client_id, token, shown=renewed)
    assert updated.x5t_s256 != client.x5t_s256


async def test_certificate_of_another_organisation_is_refused_whatever_the_token(bank: Bank) -> None:
    client, token = await bank.register()
    stranger = certificate("stranger", org_id="0015800000TPPZZZZ9")
    if not bank.is_plain:
        token = bank.token(client.client_id, stranger)
    assert only(await refused(bank.get(client.client_id, token, stranger))) == NOT_AUTHORISED
    assert bank.failed[0] == "management.certificate.holder"


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_refused_after_authentication(bank: Bank, method: str) -> None:
    client, token = await bank.register()
    refusal = await refused(bank.get(client.client_id, token, method=method))
    assert only(refusal)[:2] == ("management.method.offered", 405)
    assert refusal.headers == {"Allow": "DELETE, GET, PUT"}
    assert only(await refused(bank.get(client.client_id, "wrong", method=method))) == NOT_AUTHORISED


async def test_method_that_the_bank_does_not_offer_is_refused_after_authentication(bank: Bank) -> None:
    bank.policy = {"management_methods": ["GET", "PUT"]}
    client, token = await bank.register()
    assert only(await refused(bank.delete(client.client_id, "wrong"))) == NOT_AUTHORISED
    refusal = await refused(bank.delete(client.client_id, token))
    assert (only(refusal)[1], refusal.headers) == (405, {"Allow": "GET, PUT"})
    assert bank.stored(client.client_id) == client


async def test_wish_for_another_version_is_refused(bank: Bank) -> None:
    client, token = await bank.register()
    for call in (bank.get, bank.put, bank.delete):
        refusal = await refused(call(client.client_id, token, if_match=('"7"',)))
        assert only(refusal)[:2] == ("management.version.expected", 412)
    assert bank.stored(client.client_id) == client
    assert (await bank.put(client.client_id, token, if_match=('"1"',))).version == 2
    assert (await bank.put(client.client_id, token, if_match=("*",))).version == 3


@pytest.mark.parametrize(("wish", "status"), [((), 409), (('"1"',), 412)])
async def test_update_that_is_overtaken_by_another_is_refused(bank: Bank, wish: tuple[str, ...], status: int) -> None:
    client, token = await bank.register()
    first: dict[str, Any] = {"scope": "openid", "client_id": client.client_id}

    async def overtake() -> None:
        await bank.put(client.client_id, token, bank.body(**first))

    bank.scripts.meanwhile = overtake
    refusal = await refused(bank.put(client.client_id, token, if_match=wish))
    assert only(refusal)[1] == status
    stored = bank.stored(client.client_id)
    assert (stored.version, stored.metadata.text("scope")) == (2, "openid")


async def test_deletion_during_an_update_stays(bank: Bank) -> None:
    client, token = await bank.register()
    bank.scripts.meanwhile = lambda: bank.delete(client.client_id, token)
    assert only(await refused(bank.put(client.client_id, token))) == NOT_AUTHORISED
    assert bank.stored(client.client_id).status is ClientStatus.DELETED


async def test_suspension_during_an_update_stays(bank: Bank) -> None:
    client, token = await bank.register()

    async def suspend() -> None:
        suspended = replace(client, status=ClientStatus.SUSPENDED, version=2)
        bank.registry.clients["uk", client.client_id] = suspended

    bank.scripts.meanwhile = suspend
    assert only(await refused(bank.put(client.client_id, token))) == NOT_AUTHORISED
    assert bank.stored(client.client_id).status is ClientStatus.SUSPENDED


class Overtaken:
    """A registry where an update comes between a deletion's look and its change."""

    def __init__(self, bank: Bank, times: int) -> None:
        self.bank, self.times, self.inner = bank, times, bank.registry.commit
        bank.registry.commit = self.commit  # type: ignore[method-assign]

    async def commit(self, change: Any) -> Any:
        if change.client is not None and self.times:
            self.times -= 1
            key = (change.client.market, change.client.client_id)
            present = self.bank.registry.clients[key]
            self.bank.registry.clients[key] = replace(present, version=present.version + 1)
        return await self.inner(change)


async def test_deletion_that_is_overtaken_by_updates_comes_all_the_same(bank: Bank) -> None:
    client, token = await bank.register()
    Overtaken(bank, times=2)
    await bank.delete(client.client_id, token)
    assert bank.stored(client.client_id).status is ClientStatus.DELETED


async def test_deletion_of_one_version_does_not_delete_another(bank: Bank) -> None:
    client, token = await bank.register()
    Overtaken(bank, times=1)
    refusal = await refused(bank.delete(client.client_id, token, if_match=('"1"',)))
    assert only(refusal)[1] == 412
    assert bank.stored(client.client_id).status is ClientStatus.ACTIVE


async def test_deletion_that_is_overtaken_for_ever_gives_up(bank: Bank) -> None:
    client, token = await bank.register()
    Overtaken(bank, times=1_000)
    assert only(await refused(bank.delete(client.client_id, token)))[:2] == ("registry.client.unchanged", 409)


async def test_registry_that_is_down_is_no_refusal(bank: Bank) -> None:
    client, token = await bank.register()
    bank.registry.is_down = True
    for call in (bank.get, bank.put, bank.delete):
        with pytest.raises(Unavailable):
            await call(client.client_id, token)
    assert bank.stored(client.client_id) == client


async def test_registration_token_is_handed_out_where_the_market_manages_by_it(bank: Bank) -> None:
    client, _ = await bank.register()
    token = client.secrets.get("registration_access_token")
    assert (token is not None) == bank.is_plain
    assert client.registration_access_token_hash == (token_hash(token) if token else None)


async def test_registration_token_outlives_every_update(bank: Bank) -> None:
    client, token = await bank.register()
    updated = await bank.put(client.client_id, token)
    assert updated.registration_access_token_hash == client.registration_access_token_hash
    assert updated.secrets.get("registration_access_token") == client.secrets.get("registration_access_token")
