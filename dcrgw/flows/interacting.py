"""Between an authorization request and its answer: a browser that goes on, and a person who signs in.

Whoever has no customer's word behind it is a stranger, and leaves no audit row: strangers could fill the trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.authorization import person, requests
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.interaction import Interaction
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Gate, Report
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient, claimed_id, is_client_id
from dcrgw.flows import audit
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict, SignIn
from dcrgw.ports.registry import Change


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser shows to go on with an interaction: its id, from the address, and its key, from a cookie."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """A person is to be asked. `ticket` is there where it is new: when the interaction begins and after `sign_in`.

    Its key proves that it is the same browser, so it stands in a cookie and in no address.
    """

    interaction: Interaction
    client: RegisteredClient
    ticket: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser is sent: the client's proven redirect_uri with the answer in its query or fragment."""

    url: str = field(repr=False)


async def find(ticket: Ticket, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction again, for the browser that began it.

    Raises: Rejected where it is over, the key is another's, or the client may not ask for it any more.
    """
    found = await ports.grants.interaction(market.name, ticket.id)
    interaction = report.settle(person.continued(found, token_hash(ticket.key), report.at))
    client = await client_of(interaction.request.client_id, market, ports, report)
    report.settle(requests.current(interaction.request, client))
    return Asking(interaction, client)


async def sign_in(ticket: Ticket, login: str, password: str, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction with its customer, under a new key. Raises: Rejected (customer.authenticated)."""
    asking = await find(ticket, market, ports, report)
    async with audit.of_failures(report, ports.registry):
        found = await ports.customers.authenticate(market.name, login, password)
        customer = report.settle(person.authenticated(found))
        renewed = Ticket(ticket.id, ports.randomness.token())
        report.facts["sub"] = customer.sub
        report.decision = "signed_in"
        await commit(
            GrantChange(
                Change(audit=audit.record(report, asking.client.client_id)),
                signs_in=SignIn(ticket.id, asking.interaction.key_hash, token_hash(renewed.key), customer, report.at),
            ),
            ports,
            report,
        )
        signed = replace(
            asking.interaction, key_hash=token_hash(renewed.key), customer=customer, authenticated_at=report.at
        )
        return Asking(signed, asking.client, renewed)


async def client_of(client_id: str, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """The client that a browser's request names. Raises: Rejected where there is none that is active."""
    found = await ports.registry.client(market.name, client_id) if is_client_id(client_id) else None
    report.facts["claimed_client_id"] = claimed_id(client_id, found)
    client = report.settle(requests.known(found))
    report.facts["client_id"] = client.client_id
    return client


_REFUSALS: Mapping[GrantVerdict, tuple[Gate, str]] = {
    GrantVerdict.GONE: (person.OPEN, "this request is over"),
    GrantVerdict.OBJECT_USED: (gates.OBJECT_UNUSED, "the request object's jti was used before"),
    GrantVerdict.CONFLICT: (gates.CLIENT, "the client is no longer active"),
}


async def commit(change: GrantChange, ports: Ports, report: Report) -> None:
    """Apply a browser's change. Raises: Rejected where what it rests on is gone."""
    verdict = await ports.grants.commit(change)
    if verdict is not GrantVerdict.STORED:
        entry, said = _REFUSALS[verdict]
        raise refused(entry.failed(said), report)
