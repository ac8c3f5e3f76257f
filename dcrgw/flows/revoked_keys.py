"""The directory's revoked key sets, asked about the keys that a request rests on."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.checks import Gate, Judgement, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.proving import SharedSecret
from dcrgw.core.jose.reader import Unverified
from dcrgw.core.jose.revoked import certificate_prints
from dcrgw.core.market import Directory, Market
from dcrgw.core.registration import revoked_keys
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.keysets import KeySets


async def judge_keys(
    arrival: Arrival,
    claims: Mapping[str, JsonValue],
    directory: str | None,
    market: Market,
    keysets: KeySets,
    *,
    signer: str | None = None,
    signing_gate: Gate = revoked_keys.REQUEST_KEY,
) -> Judgement[frozenset[str]]:
    """What is found of the connection's key, and of the `signer` (thumbprint), in the sets that `claims` name.

    Raises: Unavailable while a set cannot be had.
    """
    if not market.revocation.key_sets or directory is None:
        return revoked_keys.not_asked()
    revoked: frozenset[str] = frozenset()
    for url in revoked_keys.endpoints(claims, market.profile):
        revoked |= (await keysets.of_revoked(directory, url)).prints
    return revoked_keys.judge(revoked, certificate_prints(arrival.chain[0]), signer, signing_gate)


async def judge_statement_key(
    directory: Directory, keys: KeySet | SharedSecret, token: Unverified, keysets: KeySets, report: Report
) -> None:
    """A statement is not proven by a key that its directory took back, be it still among the good ones somewhere.

    Raises: Rejected, Unavailable while the set cannot be had.
    """
    if directory.revoked_keys_url is None or not isinstance(keys, KeySet):
        return
    revoked = await keysets.of_revoked(directory.name, directory.revoked_keys_url)
    report.settle(revoked_keys.judge_statement(revoked.prints, keys.signer(token.header.kid, token.header.alg)))


async def judge_client(
    arrival: Arrival, client: RegisteredClient, market: Market, keysets: KeySets, *, signer: str | None = None
) -> Judgement[frozenset[str]]:
    """The same for a registered client, by the statement that registered it."""
    return await judge_keys(
        arrival,
        client.statement_claims,
        client.directory,
        market,
        keysets,
        signer=signer,
        signing_gate=revoked_keys.ASSERTION_KEY,
    )
