"""Every shipped pack against the sandbox's market of its profile: what it demands is so, and nothing stays behind."""

from __future__ import annotations

import pytest
from town import Town

from dcrgw.compliance.conformance import loading, phone, running, tester
from dcrgw.compliance.conformance.playing import Played

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

_NO_SECRETS = {"register.secret-expiry"}
_ONE_CLIENT = {"manage.stranger[read]", "manage.stranger[update]", "manage.stranger[delete]"}
#: What a market does not have, and the standard does not ask for.
SKIPPED = {"br-of": _NO_SECRETS | _ONE_CLIENT, "au-cdr": _NO_SECRETS | _ONE_CLIENT}


async def played(town: Town, name: str) -> list[Played]:
    pack = loading.load(name)
    tests = tester.load(town.folder / "sandbox.json", profile=pack.profile)
    async with phone.phone(tests, timeout_s=30, pause_s=0) as opened:
        bank = await running.known(tests, opened)
        planned = running.plan(pack, bank)
        return [each async for each in running.run(pack, bank, planned, opened)]


@pytest.mark.parametrize("name", loading.names())
async def test_the_sandbox_passes_the_pack(town: Town, name: str) -> None:
    cases = await played(town, name)
    assert {each.id: each.reason for each in cases if each.verdict not in ("passed", "skipped")} == {}
    assert {each.id for each in cases if each.verdict == "skipped"} == SKIPPED.get(name, set())
    assert [each.id for each in cases if each.left_behind] == []
    assert len(cases) > 100
