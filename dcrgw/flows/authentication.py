"""Who calls at the token endpoint and its neighbours: the stages that end in a client that proved who it is.

A stranger hears the same of every failure; the report and the audit row say which check it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from dcrgw.core.authorization import client_authentication, gates
from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.credentials import Credentials, present
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Finding, Judgement, Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient, claimed_id
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.flows import stages, vouching
from dcrgw.flows.client_keys import published_keys
from dcrgw.flows.revoked_keys import judge_client
from dcrgw.ports import Ports
from dcrgw.ports.keysets import KeySets

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that proved who it is, with the certificate and the form of its request."""

    proven: Authenticated
    identity: ClientIdentity
    form: Mapping[str, str]


async def admit(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Caller:
    """The client that sends a form over mutual TLS. Raises: Rejected, Unavailable."""
    identity = await stages.identify(arrival.chain, market, ports.revocation, report)
    form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
    return Caller(await authenticate(form, arrival, identity, market, ports, report), identity, form)


async def authenticate(
    form: Mapping[str, str], arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> Authenticated:
    """The client that this request authenticates. Raises: Rejected, alike for whatever failed; Unavailable."""
    named = await recognise(form, arrival, identity, market, ports, report)
    return await prove(named, arrival, identity, market, ports, report)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A client that may come, by what it claims; nothing of that is proven but the certificate of its TPP."""

    client: RegisteredClient
    credentials: Credentials


async def recognise(
    form: Mapping[str, str], arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> Recognised:
    """The active client that the request names, by its own method, over a certificate of its TPP.

    Raises: Rejected, alike for whatever failed; Unavailable.
    """
    door = Door(report, arrival)
    credentials = door.settle(present(form, arrival.authorization))
    registered = await ports.registry.client(market.name, credentials.client_id)
    report.facts["claimed_client_id"] = claimed_id(credentials.client_id, registered)
    # A client's history is told by its own TPP: strangers, who need only its id, would bury it in refusals.
    if registered is not None and client_authentication.is_its_tpp(identity, registered, market):
        tell_client(report, registered)
    return Recognised(door.settle(client_authentication.stand(credentials, registered, identity, market)), credentials)


async def prove(
    named: Recognised, arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> Authenticated:
    """The client with its proof, by its registered method. Raises: as `authenticate`."""
    door, client, credentials = Door(report, arrival), named.client, named.credentials
    keys = await _keys(credentials, client, ports.keysets, door)
    judged = client_authentication.prove(credentials, client, identity, keys, market, report.at)
    if vouching.is_of_another_subject(judged, client) and await vouching.is_vouched_for(
        client, arrival, identity, ports, report
    ):
        judged = client_authentication.prove(credentials, client, identity, keys, market, report.at, vouched_for=True)
    proven = door.settle(judged)
    signer = keys.signer(*_named(credentials)) if keys is not None and credentials.assertion is not None else None
    door.settle(await judge_client(arrival, client, market, ports.keysets, signer=signer))
    tell_client(report, client)
    report.facts["client_auth_method"] = proven.method
    return proven


def _named(credentials: Credentials) -> tuple[str, str]:
    """The key that the assertion names."""
    assert credentials.assertion is not None  # only its method needs a published key
    return credentials.assertion.header.kid, credentials.assertion.header.alg


class Door:
    """Takes over a stage's findings like `Report.settle`, but says no to a stranger in one way only."""

    def __init__(self, report: Report, arrival: Arrival) -> None:
        self._report = report
        # RFC 6749 §5.2: who tried the Authorization header is challenged in its scheme.
        self._headers = {"WWW-Authenticate": 'Basic realm="token endpoint"'} if arrival.authorization else {}

    def settle(self, judgement: Judgement[T]) -> T:
        """The stage's value. Raises: Rejected; what is wrong with the request as such is told, nothing else."""
        self._report.findings.take(judgement.findings)
        failures = judgement.failures
        if not failures and judgement.value is not None:
            return judgement.value
        told = [finding.fault for finding in failures if finding.check.code is not ErrorCode.INVALID_CLIENT]
        if told:
            raise Rejected(told)
        raise self.refusal()

    def refuse(self, finding: Finding) -> Rejected:
        """The refusal for one failed check that is known outside a stage."""
        self._report.findings.add(finding)
        return self.refusal()

    def refusal(self) -> Rejected:
        """The one no."""
        finding = gates.AUTHENTICATED.failed("the client is not authenticated")
        self._report.findings.add(finding)
        return Rejected([finding.fault], headers=self._headers)


async def _keys(credentials: Credentials, client: RegisteredClient, keysets: KeySets, door: Door) -> KeySet | None:
    """The published keys that prove an assertion or a self-signed certificate; None where the method needs none."""
    match client.metadata.text("token_endpoint_auth_method"):
        case "private_key_jwt" if credentials.assertion is not None:
            kid = credentials.assertion.header.kid
            return door.settle(await published_keys(client, kid, keysets, gates.ASSERTION_KEYS))
        case client_authentication.SELF_SIGNED:
            return door.settle(await published_keys(client, "", keysets, gates.CERTIFICATE_KEYS))
    return None


def tell_client(report: Report, client: RegisteredClient) -> None:
    """Put whom the request names into the report's facts."""
    report.facts["client_id"] = client.client_id
    if client.software_id is not None:
        report.facts["software_id"] = client.software_id
    if client.org_id is not None:
        report.facts["org_id"] = client.org_id
