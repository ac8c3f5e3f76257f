"""The gateway's own clients, set up from the written configuration, understand this directory and its faults."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.directory.standing import DirectoryStanding
from dcrgw.adapters.fetcher import Fetcher, FetchLimits
from dcrgw.adapters.keystores import install, open_keystore, open_private_key
from dcrgw.config.loading import load
from dcrgw.errors import Unavailable
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.traffic import Endpoint, Fault, FaultMode

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Bank:
    sandbox: Session
    directory: OpenBankingDirectory

    async def standing_of(self, software_id: str, org_id: str) -> bool | None:
        """A fresh client each time, as none remembers an outage or a token: yes, no, or None for not found."""
        asked = DirectoryStanding([self.directory], answers_s=0)
        try:
            found = await asked.standing("primary", software_id, org_id)
        finally:
            await asked.close()
        return found.organisation_active and found.software_active if found.found else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    async with session(tmp_path_factory.mktemp("sandbox"), Ports(), lambda _: None) as sandbox:
        settings = load(sandbox.config)
        assert settings.warnings == ()
        written, *_ = settings.directories
        assert written.token_url
        assert written.tpp_url
        assert written.client_id
        assert written.key_id
        assert written.audience
        assert isinstance(written.signing_key, Path)
        assert isinstance(written.transport_keystore, Path)
        context = ssl.create_default_context(cafile=str(written.trust_keystore))
        password = (sandbox.folder.path / "bank/transport.password").read_bytes()
        install(context, open_keystore(written.transport_keystore, password))
        limits = FetchLimits(total_s=30, allowed_networks=settings.fetch.allowed_networks)
        fetcher = Fetcher(ssl_context=context, limits=limits)
        directory = OpenBankingDirectory(
            written.name, written.token_url, written.tpp_url, written.client_id, written.client_scopes, written.key_id,
            open_private_key(written.signing_key), written.signing_alg, written.audience, fetcher,
        )  # fmt: skip
        yield Bank(sandbox, directory)
        await fetcher.close()


async def test_tpps_stand_as_the_directory_says(bank: Bank) -> None:
    parties = bank.sandbox.parties
    for tpp, expected in ((parties.default, True), (parties.obwac, True), (parties.revoked, False)):
        assert await bank.standing_of(tpp.software.software_id, tpp.organisation.org_id) is expected
    assert await bank.standing_of(parties.default.software.software_id, parties.obwac.organisation.org_id) is None
    assert await bank.standing_of("nobody", parties.default.organisation.org_id) is None


async def test_software_that_is_no_longer_active_is_not_found(bank: Bank) -> None:
    world, tpp = bank.sandbox.parties.world, bank.sandbox.parties.default
    world.put_software(replace(tpp.software, active=False))
    assert not await bank.standing_of(tpp.software.software_id, tpp.organisation.org_id)
    world.reset()


async def test_bank_finds_itself(bank: Bank) -> None:
    asked = DirectoryStanding([bank.directory])
    own = await asked.own_standing("primary")
    await asked.close()
    assert own.found
    assert own.organisation_active


@pytest.mark.parametrize("endpoint", [Endpoint.TOKEN, Endpoint.SCIM])
@pytest.mark.parametrize(
    "mode", [FaultMode.ERROR, FaultMode.GARBAGE, FaultMode.EMPTY, FaultMode.DOWN, FaultMode.REDIRECT]
)
async def test_every_fault_is_an_outage_and_never_a_no(bank: Bank, endpoint: Endpoint, mode: FaultMode) -> None:
    tpp = bank.sandbox.parties.default
    bank.sandbox.traffic.switch(endpoint, Fault(mode))
    with pytest.raises(Unavailable):
        await bank.standing_of(tpp.software.software_id, tpp.organisation.org_id)
    bank.sandbox.traffic.switch(endpoint, Fault())
    assert await bank.standing_of(tpp.software.software_id, tpp.organisation.org_id)
