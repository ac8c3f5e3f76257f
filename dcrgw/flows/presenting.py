"""Who calls at an endpoint of the authorization server (AS) behind a market, and how the request goes on to it.

A method that the AS has is proven there: what the client shows goes on as it is. For a bridged client the gateway
judges the proof whole, keeps it to itself, and shows the AS the secret that only the two of them know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import gates
from dcrgw.core.authorization import request_gates as asked
from dcrgw.core.authorization.credentials import basic
from dcrgw.core.authorization.interaction import AuthorizationRequest
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream import gaps, parameters
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.errors import Misconfigured
from dcrgw.flows import audit, stages
from dcrgw.flows.authentication import Door, prove, recognise, tell_client
from dcrgw.flows.revoked_keys import judge_client
from dcrgw.flows.using import refused, used_assertion, used_object
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change, UsedToken

#: What a client shows of itself in a form; only the gateway may see it of a bridged one.
_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class Presented:
    """A client at an endpoint of the AS. `form` is its request as it was read; what goes on is made of `onward`."""

    client: RegisteredClient
    identity: ClientIdentity
    form: Mapping[str, str] = field(repr=False)
    onward: Mapping[str, str] = field(repr=False)
    #: The Authorization header that goes on: the client's own, or the gateway's.
    authorization: str | None = field(default=None, repr=False)
    is_bridged: bool = False
    #: What proved the client to the gateway and must not serve again.
    used: tuple[UsedToken, ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The header fields that go on with it."""
        return headers_of(self.authorization)

    @property
    def body(self) -> bytes:
        """The form that goes on, written anew: two readers of one text might read it in two ways."""
        return parameters.encoded(self.onward).encode()


async def present(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Presented:
    """The client that sends a form to the AS, as far as the gateway can tell. Raises: Rejected, Unavailable."""
    identity = await stages.identify(arrival.chain, market, ports.revocation, report)
    form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
    report.settle(parameters.plain(form))
    return await presented(form, arrival, identity, market, ports, report)


async def presented(
    form: Mapping[str, str], arrival: Arrival, identity: ClientIdentity, market: Market, ports: Ports, report: Report
) -> Presented:
    """The same of a form that was read, over a certificate that was judged. Raises: Rejected, Unavailable."""
    named = await recognise(form, arrival, identity, market, ports, report)
    client = named.client
    if not gaps.is_bridged(client):
        Door(report, arrival).settle(await judge_client(arrival, client, market, ports.keysets))
        tell_client(report, client)
        report.findings.add(gates.AUTHENTICATED.skipped("the authorization server authenticates the client"))
        return Presented(client, identity, form, form, next(iter(arrival.authorization), None))
    proven = await prove(named, arrival, identity, market, ports, report)
    report.findings.add(gates.AUTHENTICATED.passed)
    kept = {name: value for name, value in form.items() if name not in _CREDENTIALS}
    onward, authorization = with_secret(kept, client, market)
    return Presented(client, identity, form, onward, authorization, True, used_assertion(proven))


async def spend(
    caller: Presented, arrival: Arrival, ports: Ports, report: Report, request: AuthorizationRequest | None = None
) -> None:
    """Use up what must not serve again, an assertion and the object of a pushed `request`: once all is judged, and
    before anything goes on, since what the AS then does cannot be undone.

    Raises: Rejected where it served before; Unavailable.
    """
    used = (*caller.used, *(used_object(request) if request is not None else ()))
    if not used:
        return
    report.decision = "forwarded"
    change = GrantChange(Change(audit=audit.record(report, caller.client.client_id), used=used))
    verdict = await ports.grants.commit(change)
    if verdict is GrantVerdict.OBJECT_USED:
        raise refused(asked.OBJECT_UNUSED.failed("the request object's jti was used before"), report)
    if verdict is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))


def with_secret(
    form: Mapping[str, str], client: RegisteredClient, market: Market
) -> tuple[Mapping[str, str], str | None]:
    """A form and the Authorization header by which the gateway presents itself in a bridged client's name.

    Raises: Misconfigured where the AS takes no secret any more.
    """
    method = gaps.bridge(market.upstream) if market.upstream is not None else None
    if method is None:
        raise Misconfigured(f"market {market.name}: a client is bridged, and its upstream bridges none any more")
    named, secret = {**form, "client_id": client.client_id}, client.secrets[UPSTREAM_SECRET]
    if method == "client_secret_post":
        return {**named, "client_secret": secret}, None
    return named, basic(client.client_id, secret)


def headers_of(authorization: str | None) -> tuple[tuple[str, str], ...]:
    """The header fields of a form that goes on; nothing else of the client's is among them."""
    fields = (("Content-Type", forms.MEDIA_TYPE), ("Accept", "application/json"))
    return fields if authorization is None else (*fields, ("Authorization", authorization))
