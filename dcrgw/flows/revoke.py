"""POST /revoke: a client gives back a token (RFC 7009); with a refresh token the whole grant ends."""

from __future__ import annotations

from dcrgw.core.authorization import gates, introspection
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door, admit
from dcrgw.flows.using import used_assertion
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


async def revoke(arrival: Arrival, market: Market, ports: Ports, report: Report) -> None:
    """The token is no good from here on. One that is unknown, or another client's, changes nothing (RFC 7009 §2.2).

    Raises: Rejected, Unavailable.
    """
    async with audit.of_failures(report, ports.registry):
        caller = await admit(arrival, market, ports, report)
        client = caller.proven.client
        hashed = token_hash(report.settle(introspection.shown(caller.form)))
        access = await ports.registry.access_token(hashed)
        refresh = await ports.grants.refresh_token(market.name, hashed) if access is None else None
        # DIVERGENCE: RFC 7009 §2.1 refuses another client's token; answered like an unknown one, it tells nobody
        # which tokens there are.
        is_own_access = access is not None and (access.market, access.client_id) == (market.name, client.client_id)
        grant = refresh.grant if refresh is not None and refresh.grant.client_id == client.client_id else None
        report.decision = "revoked" if is_own_access or grant else "unchanged"
        change = GrantChange(
            Change(
                audit=audit.record(report, client.client_id),
                used=used_assertion(caller.proven),
                ends_token=hashed if is_own_access else None,
            ),
            revokes=grant.id if grant else None,
        )
        if await ports.grants.commit(change) is not GrantVerdict.STORED:
            said = "the assertion's jti was used before"
            raise Door(report, arrival).refuse(gates.ASSERTION_UNUSED.failed(said))
        report.findings.add(gates.AUTHENTICATED.passed)
