"""The exchange over a bank in memory: what a race, a fall and a change of mind meanwhile come to."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from small_bank import SOFTWARE_KEY, Bank, Memory, certificate, only, thumbprint

from dcrgw.core.authorization.credentials import JWT_BEARER
from dcrgw.core.authorization.form import MEDIA_TYPE
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Verdict
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Rejected, Unavailable
from dcrgw.flows.exchange import Issued, exchange
from dcrgw.ports.registry import Change, Committed, CommitVerdict
from dcrgw.testkit.certificates import Issued as Certificate

ALIKE = ("client.authenticated", 401, "invalid_client")


class Granting(Memory):
    """A registry that keeps what is issued, and says no as it is told."""

    verdict: CommitVerdict | None = None

    async def commit(self, change: Change) -> Committed:
        if change.issues is None:
            return await super().commit(change)
        if self.verdict is not None:
            return Committed(self.verdict)
        self.tokens[change.issues.hash] = change.issues
        return await super().commit(change)


@pytest.fixture
def bank() -> Bank:
    return Bank(registry=Granting())


async def ask(bank: Bank, client_id: str, shown: Certificate | None = None, **claims: object) -> Issued:
    at = bank.clock.at
    right = {"iss": client_id, "sub": client_id, "aud": bank.market.issuer, "exp": at + 60, "jti": "j"}
    assertion = SOFTWARE_KEY.sign({**right, **claims})
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": assertion,
    }
    arrival = Arrival("uk", (shown or certificate()).chain_der, MEDIA_TYPE, urlencode(form).encode())
    return await exchange(arrival, bank.market, bank.ports, bank._begin())


async def registered(bank: Bank) -> str:
    body = bank.body(token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_signing_alg="ES256")
    client, _ = await bank.register(body)
    return client.client_id


async def refused(bank: Bank, client_id: str, shown: Certificate | None = None, **claims: object) -> str:
    """The check that a refused request failed first; the wire never says it."""
    with pytest.raises(Rejected) as caught:
        await ask(bank, client_id, shown, **claims)
    assert only(caught.value) == ALIKE
    assert bank.registry.changes[-1].audit.decision == "refused"
    assert bank.registry.changes[-1].issues is None
    return bank.failed[0]


async def test_token_is_remembered_by_hash_certificate_and_times(bank: Bank) -> None:
    client_id = await registered(bank)
    issued = await ask(bank, client_id)
    kept = bank.registry.tokens[token_hash(issued.token)]
    assert (kept.client_id, kept.scope, kept.x5t_s256) == (client_id, issued.scope, thumbprint(certificate()))
    assert (kept.issued_at, kept.expires_at) == (bank.clock.at, bank.clock.at + 300)
    change = bank.registry.changes[-1]
    assert [(used.kind, used.issuer, used.jti) for used in change.used] == [("client_assertion", client_id, "j")]
    assert change.audit.operation == bank.report.operation
    assert issued.token not in repr(change) + repr(issued)


@pytest.mark.parametrize(
    ("verdict", "check"),
    [
        (CommitVerdict.TOKEN_USED, "client.assertion.jti.unused"),
        (CommitVerdict.CONFLICT, "client.active"),
        (CommitVerdict.CLIENT_ID_TAKEN, "client.active"),
    ],
)
async def test_registry_has_the_last_word(bank: Bank, verdict: CommitVerdict, check: str) -> None:
    client_id = await registered(bank)
    bank.registry.verdict = verdict
    assert await refused(bank, client_id) == check


async def test_registry_that_is_down_is_no_answer(bank: Bank) -> None:
    client_id = await registered(bank)
    bank.registry.is_down = True
    with pytest.raises(Unavailable):
        await ask(bank, client_id)
    assert bank.report.facts["audit"].startswith("not written")


async def test_suspended_client_is_refused_and_its_attempt_is_kept(bank: Bank) -> None:
    client_id = await registered(bank)
    key = ("uk", client_id)
    bank.registry.clients[key] = replace(bank.registry.clients[key], status=ClientStatus.SUSPENDED)
    assert await refused(bank, client_id) == "client.active"
    assert bank.registry.changes[-1].audit.client_id == client_id


async def test_secret_in_the_place_of_the_client_id_is_not_kept(bank: Bank) -> None:
    secret = "s" * 36
    await refused(bank, secret)
    assert secret not in str(bank.registry.changes[-1].audit)


async def test_unknown_client_leaves_its_claim_in_the_audit_and_no_more(bank: Bank) -> None:
    assert await refused(bank, "nobody\n" * 30) == "client.known"
    audit = bank.registry.changes[-1].audit
    assert audit.client_id is None
    assert audit.facts["claimed_client_id"] == "nobody?n..."


async def test_renewed_certificate_gets_a_token_of_its_own(bank: Bank) -> None:
    client_id = await registered(bank)
    issued = await ask(bank, client_id, certificate("renewed"))
    assert bank.registry.tokens[token_hash(issued.token)].x5t_s256 == thumbprint(certificate("renewed"))


async def test_certificate_of_another_software_is_refused(bank: Bank) -> None:
    client_id = await registered(bank)
    assert await refused(bank, client_id, certificate(software_id="another")) == "client.certificate.holder"


async def test_attempt_of_another_tpp_stays_out_of_the_clients_history(bank: Bank) -> None:
    client_id = await registered(bank)
    await refused(bank, client_id, certificate(software_id="another"))
    audit = bank.registry.changes[-1].audit
    assert (audit.client_id, audit.org_id, audit.software_id) == (None, None, None)
    assert audit.facts["claimed_client_id"] == client_id


async def test_what_is_wrong_with_the_certificate_itself_is_told(bank: Bank) -> None:
    client_id = await registered(bank)
    bank.clock.at += 40 * 365 * 86_400
    with pytest.raises(Rejected) as caught:
        await ask(bank, client_id)
    assert {fault.check.partition(".")[0] for fault in caught.value.faults} == {"tls"}


async def test_every_gate_of_a_granted_request_is_in_its_report(bank: Bank) -> None:
    await ask(bank, await registered(bank))
    passed = {f.check.id for f in bank.report.findings if f.verdict is Verdict.PASSED}
    assert {"client.known", "client.active", "client.assertion.jti.unused", "client.authenticated"} <= passed
    assert {"token.grant.registered", "token.request.once"} <= passed
    assert bank.report.decision == "issued"
