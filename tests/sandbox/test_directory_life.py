"""What a tester changes at the directory, the real gateway answers to: the wire code, the check, never a guess."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dcrgw import app
from dcrgw.config.loading import load
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.statements import Order, WhichKey, mint
from dcrgw.sandbox.traffic import Endpoint, Fault, FaultMode
from dcrgw.testkit.keys import SigningKey
from dcrgw.tpp import prepared, registration, sandbox_index, setup
from dcrgw.tpp.client import Answer
from dcrgw.tpp.prepared import Moment

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Served:
    sandbox: Session

    def statement(self, key: WhichKey = WhichKey.CURRENT, **claims: Any) -> str:
        order = Order(self.sandbox.parties.default.software.software_id, key=key, claims=claims)
        keystore = self.sandbox.endpoints.keystore
        return mint(self.sandbox.parties.world, order, keystore=keystore, at=time.time()).statement

    async def register(self, statement: str | None = None, name: str = "") -> Answer:
        """Let a TPP of sandbox.json register, with the statement that lies ready for it unless another is given."""
        tpp = setup.from_options(sandbox_index.options(self.sandbox.folder.path, tpp=name or None))
        if statement:
            tpp = replace(tpp, statement=self.sandbox.folder.write("bank/another.jwt", statement.encode()))
        return await prepared.send(tpp, registration.prepare(tpp, Moment()))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Served]:
    async with session(folder, Ports(), lambda _: None) as sandbox:
        gateway = await app.start(load(sandbox.config))
        sandbox.publish()
        yield Served(sandbox)
        await gateway.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One gateway for all who do not mind what it remembers."""
    async with opened(tmp_path_factory.mktemp("sandbox")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway that has asked for nothing but the directory's keys: no software's keys, no token, no cool-down."""
    async with opened(tmp_path) as one:
        yield one


def checks(answer: Answer) -> set[str]:
    errors: Any = answer.members.get("errors", [])
    return {error["check"] for error in errors}


async def test_statements_in_the_folder_are_good(served: Served) -> None:
    assert (await served.register()).status == 201
    assert (await served.register(name="obwac")).status == 201


async def test_revoked_organisation_is_refused_by_the_directorys_word(served: Served) -> None:
    answer = await served.register(name="revoked")
    assert (answer.status, answer.members["error"]) == (400, "unapproved_software_statement")
    assert "standing.organisation.active" in checks(answer)


async def test_change_at_the_directory_counts_from_the_next_request_on(served: Served) -> None:
    world, tpp = served.sandbox.parties.world, served.sandbox.parties.default
    statement = served.statement()
    assert (await served.register(statement)).status == 201
    world.put_software(replace(tpp.software, active=False))
    assert (await served.register(statement)).members["error"] == "unapproved_software_statement"
    world.reset()
    assert (await served.register(statement)).status == 201


@pytest.mark.parametrize(
    ("key", "check"),
    [(WhichKey.FOREIGN, "statement.jws.signature"), (WhichKey.RETIRED, "statement.jws.key_unknown")],
)
async def test_statement_of_another_key_is_refused(served: Served, key: WhichKey, check: str) -> None:
    answer = await served.register(served.statement(key))
    assert (answer.status, answer.members["error"]) == (400, "invalid_software_statement")
    assert checks(answer) == {check}


async def test_statement_older_than_the_sandbox_takes_is_refused(served: Served) -> None:
    answer = await served.register(served.statement(iat=int(time.time()) - 31 * 24 * 3600))
    assert (answer.status, answer.members["error"]) == (400, "invalid_software_statement")


async def test_directory_that_does_not_answer_is_a_503(served: Served) -> None:
    served.sandbox.traffic.switch(Endpoint.SCIM, Fault(FaultMode.ERROR))
    answer = await served.register()
    served.sandbox.traffic.reset()
    assert (answer.status, answer.members["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("endpoint", [Endpoint.SOFTWARE_JWKS, Endpoint.TOKEN, Endpoint.SCIM])
async def test_fault_at_the_first_question_is_a_503(fresh: Served, endpoint: Endpoint) -> None:
    fresh.sandbox.traffic.switch(endpoint, Fault(FaultMode.GARBAGE))
    assert (await fresh.register()).status == 503
    assert fresh.sandbox.traffic.arrivals[-1].endpoint is endpoint


async def test_rotated_directory_key_is_found_at_once(fresh: Served) -> None:
    assert (await fresh.register()).status == 201
    fresh.sandbox.parties.world.rotate_directory(SigningKey.generate("dir-2"), keep_old=False)
    assert (await fresh.register(fresh.statement())).status == 201
    assert (await fresh.register(fresh.statement(WhichKey.RETIRED))).status == 400
