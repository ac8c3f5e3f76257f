"""A client manages its registration by an access token that another server issued."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from fronting_bank import SERVER, FakeAs
from small_bank import Bank, certificate, only, thumbprint

from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Rejected, Unavailable
from dcrgw.ports import Ports


@dataclass
class ManagedBank(Bank):
    """Its clients' tokens are another server's; what it released it knows."""

    upstream: FakeAs = field(default_factory=FakeAs)
    is_fronting: bool = False

    @property
    def market(self) -> Market:
        return replace(super().market, upstream=SERVER if self.is_fronting else None)

    @property
    def ports(self) -> Ports:
        return replace(super().ports, upstream=self.upstream)

    async def begun(self) -> tuple[str, str]:
        """A client with a token that was released here, and that the server says is good."""
        client, token = await self.register()
        self.is_fronting = True
        self.upstream.tokens[token] = replace(self.registry.tokens[token_hash(token)], x5t_s256=None)
        return client.client_id, token


async def test_a_token_of_the_server_manages_its_client() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    assert (await bank.get(client_id, token)).client_id == client_id


async def test_a_token_that_the_server_ended_is_dead() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    bank.upstream.tokens.clear()
    with pytest.raises(Rejected) as refused:
        await bank.get(client_id, token)
    assert only(refused.value) == ("management.authorised", 401, "invalid_token")


async def test_a_token_that_ended_here_is_dead_whatever_the_server_says() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    bank.registry.tokens.clear()
    bank.upstream.is_down = True  # nor is the server asked
    with pytest.raises(Rejected) as refused:
        await bank.get(client_id, token)
    assert only(refused.value)[0] == "management.authorised"


async def test_while_the_server_is_down_nothing_is_managed() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    bank.upstream.is_down = True
    with pytest.raises(Unavailable):
        await bank.get(client_id, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"expires_at": 0.0},
        {"x5t_s256": "A" * 43},
        {"x5t_s256": thumbprint(certificate("second"))},
    ],
)
async def test_what_the_server_says_otherwise_counts(changes: dict) -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    bank.upstream.tokens[token] = replace(bank.upstream.tokens[token], **changes)
    with pytest.raises(Rejected) as refused:
        await bank.get(client_id, token)
    assert only(refused.value)[0] == "management.authorised"


async def test_the_token_is_bound_though_the_server_binds_none() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    with pytest.raises(Rejected) as refused:
        await bank.get(client_id, token, shown=certificate("second"))
    assert only(refused.value)[0] == "management.authorised"
    assert "management.token.certificate" in bank.failed


async def test_a_customers_token_manages_nothing() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    hashed = token_hash(token)
    bank.registry.tokens[hashed] = replace(bank.registry.tokens[hashed], grant="grant-1")
    with pytest.raises(Rejected):
        await bank.get(client_id, token)
    assert "management.token.own_right" in bank.failed


async def test_a_suspended_clients_token_is_dead_in_front_of_the_server() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    bank.registry.clients["uk", client_id] = replace(bank.stored(client_id), status=ClientStatus.SUSPENDED)
    with pytest.raises(Rejected) as refused:
        await bank.get(client_id, token)
    assert only(refused.value)[0] == "management.authorised"


async def test_a_token_used_on_another_client_ends_with_that_call() -> None:
    bank = ManagedBank()
    client_id, token = await bank.begun()
    with pytest.raises(Rejected):
        await bank.get("client-of-another", token)
    with pytest.raises(Rejected):
        await bank.get(client_id, token)
    assert token_hash(token) not in bank.registry.tokens
