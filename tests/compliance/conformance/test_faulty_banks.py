"""Each fault of a bank is found by the cases that are about it; a bank without a fault passes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from careful_bank import Examined, examined

from dcrgw.compliance.conformance.playing import Played

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Faults, joined by `+` where one hides another -> the cases that find them, by the beginnings of their ids.
SIGNED_FAULTS: dict[str, tuple[str, ...]] = {
    "issuer": ("discovery.issuer",),
    "private-keys": ("discovery.key-set-is-public",),
    "media-type": ("http.media-type",),
    "form+media-type": ("form.json", "obuk.update.json"),
    "request-alg": ("jws.alg[RS256]",),
    "request-alg-none": ("jws.alg-none[none]",),
    "request-signature": ("jws.", "obuk.update.forged"),
    "crit": ("jws.crit",),
    "exp": ("claims.exp.past", "obuk.error.form", "obuk.update.expired"),
    "nbf": ("claims.nbf.future",),
    "iat": ("claims.iat.future",),
    "time-type+iat+exp": ("claims.time-type", "claims.missing[iat]", "claims.missing[exp]"),
    "aud": ("claims.aud.wrong", "obuk.claim-missing.aud"),
    "iss+software-id": ("claims.iss.wrong", "claims.missing[iss]", "claims.null[iss]"),
    "jti-form": ("claims.missing[jti]", "claims.null[jti]", "obuk.jti.form"),
    "jti-again": ("claims.jti.again", "claims.request.again"),
    "software-id": ("claims.software-id.wrong",),
    "claims-missing": ("obuk.claim-missing", "obuk.auth-alg.missing", "obuk.update.whole"),
    "statement-missing": ("statement.missing", "obuk.update.whole[software_statement]"),
    "statement-signature": ("statement.forged", "manage.update.forged"),
    "statement-alg-none": ("statement.forged[not-signed]",),
    "statement-issuer": ("statement.issuer-changed",),
    "statement-age": ("statement.old", "manage.update.old-statement"),
    "statement-future": ("statement.future",),
    "statement-exp": ("statement.expired",),
    "statement-nbf": ("statement.nbf",),
    "statement-status": ("obuk.statement.inactive",),
    "statement-claims": ("statement.claim-missing",),
    "redirect-subset": ("statement.redirect-uris", "manage.update.redirect-uris"),
    "scope": ("obuk.scope",),
    "response-types": ("metadata.response-type.unknown", "obuk.response-types"),
    "consistency": ("metadata.grant-type.inconsistent",),
    "algorithms": ("obuk.algorithms",),
    "no-certificate": ("certificate.none", "manage.no-certificate"),
    "other-certificate": ("certificate.other", "manage.other-certificate"),
    "statement-rewritten": ("register.statement-unchanged",),
    "chosen-id": ("register.chosen-client-id",),
    "chosen-secret": ("register.chosen-secret",),
    "milliseconds": ("register.issued-at",),
    "no-expiry": ("register.secret-expiry",),
    "status-200": ("register.issued-at", "obuk.scope.fewer"),
    "html-errors": ("http.error-is-json", "obuk.error.form"),
    "own-codes": ("obuk.error.form", "claims.exp.past"),
    "errors-are-200": ("claims.exp.past", "statement.missing"),
    "GET-without-token": ("manage.no-token[read]",),
    "PUT-without-token": ("manage.no-token[update]",),
    "DELETE-without-token": ("manage.no-token[delete]",),
    "any-token": ("manage.unknown-token",),
    "any-scheme": ("manage.basic",),
    "case-of-bearer": ("manage.scheme",),
    "two-tokens": ("manage.token-twice",),
    "foreign-token": ("manage.stranger",),
    "tokens-live-on": ("manage.unknown-client.ends-token",),
    "no-challenge": ("manage.no-token", "manage.unknown-token"),
    "no-error-named": ("manage.unknown-token.named",),
    "not-found": ("manage.unknown-client", "manage.deleted"),
    "undead": ("manage.deleted", "obuk.delete.tokens"),
    "dead-get-tokens": ("manage.deleted.token",),
    "delete-200": ("manage.delete",),
    "update-unjudged": ("manage.update.wrong", "manage.update.redirect-uris", "obuk.update.expired"),
    "half-an-update": ("manage.update.wrong",),
    "other-software": ("manage.update.other-software",),
    "tokens-end": ("manage.update.keeps-token",),
    "cached": ("register.not-cached", "manage.read.not-cached"),
    # The careful bank holds two requests back until both are there: were they not sent at once, none were answered.
    "register-races": ("claims.request.at-once",),
    "register-collides": ("register.at-once", "claims.request.at-once"),
    "update-collides": ("manage.at-once.update",),
    "update-loses": ("manage.at-once.update",),
    "delete-collides": ("manage.at-once.delete",),
    "delete-half": ("manage.at-once.delete",),
}
PLAIN_FAULTS: dict[str, tuple[str, ...]] = {
    "redirect-form+redirect-subset": ("metadata.redirect-uri[", "metadata.redirect-uri.unsafe"),
    "redirect-form": ("statement.redirect-uris.unfit", "rfc7591.redirect-uris.empty"),
    "types+redirect-form+redirect-subset+grant-types+response-types+auth-method": (
        "metadata.wrong-type",
        "metadata.scope.wrong-type",
    ),
    "auth-method": ("metadata.auth-method.unknown",),
    "grant-types": ("metadata.grant-type.unknown",),
    "scripts": ("metadata.scripts-for-people",),
    "both-keys": ("rfc7591.keys.both",),
    "private-key": ("rfc7591.keys.private",),
    "keys-form": ("rfc7591.keys.malformed",),
    "keys-address": ("rfc7591.keys.address",),
    "bound-type": ("rfc7591.bound.type",),
    "details-types": ("rfc7591.details.type",),
    "no-precedence": ("rfc7591.statement.precedence",),
    "metadata-untold": ("register.all-metadata",),
    "merges": ("rfc7591.update.replaces",),
    "sets-the-bank-s": ("rat.update.of-the-bank",),
    "no-client-id": ("rat.update.without-client-id",),
    "rotates+rotates-wrongly": ("rat.update.token",),
    "chosen-secret": ("rat.update.secret", "register.chosen-secret"),
    "register-collides": ("register.at-once",),
    "delete-collides": ("manage.at-once.delete",),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Examined]:
    async with examined(tmp_path_factory.mktemp("signed"), plain=False) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Examined]:
    async with examined(tmp_path_factory.mktemp("plain"), plain=True) as opened:
        yield opened


def not_passed(cases: dict[str, Played]) -> dict[str, str]:
    return {name: each.reason for name, each in cases.items() if each.verdict not in ("passed", "skipped")}


async def test_a_bank_without_a_fault_passes(signed: Examined) -> None:
    cases = await signed.ran()
    assert not_passed(cases) == {}
    assert len([each for each in cases.values() if each.verdict == "passed"]) > 200
    assert signed.bank.clients == {}


async def test_a_bank_of_plain_requests_without_a_fault_passes(plain: Examined) -> None:
    cases = await plain.ran()
    assert not_passed(cases) == {}
    assert len([each for each in cases.values() if each.verdict == "passed"]) > 120
    # A registration access token that was shown with another client is ended, and its client told as left behind.
    assert {client for each in cases.values() for client in each.left_behind} == set(plain.bank.clients)
    assert len(plain.bank.clients) == 3


async def found(bank: Examined, fault: str, beginnings: tuple[str, ...]) -> None:
    """Each of these cases finds the fault, by a finding and not by a crash."""
    only = tuple(each.partition("[")[0].rstrip(".") for each in beginnings)
    cases = await bank.ran(*only, faults=tuple(fault.split("+")))
    wrong = {name: each for name, each in cases.items() if each.verdict not in ("passed", "skipped")}
    for beginning in beginnings:
        assert [name for name in wrong if name.startswith(beginning)], (beginning, list(cases))
    assert {each.verdict for each in wrong.values()} <= {"failed", "warned", "noted"}, not_passed(cases)


@pytest.mark.parametrize("fault", SIGNED_FAULTS)
async def test_a_fault_is_found_by_its_case(signed: Examined, fault: str) -> None:
    await found(signed, fault, SIGNED_FAULTS[fault])


@pytest.mark.parametrize("fault", PLAIN_FAULTS)
async def test_a_fault_of_a_bank_of_plain_requests_is_found_by_its_case(plain: Examined, fault: str) -> None:
    await found(plain, fault, PLAIN_FAULTS[fault])
