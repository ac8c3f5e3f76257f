"""docs/sandbox.md is true: its examples run in order, its tables name what there is."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

from dcrgw.sandbox import materials
from dcrgw.sandbox.management import API
from dcrgw.sandbox.session import Ports, session
from dcrgw.sandbox.traffic import Endpoint, FaultMode

PAGE = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
EXAMPLES = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


async def test_every_example_runs(tmp_path: Path) -> None:
    async with session(tmp_path / "var/sandbox", Ports(), lambda _: None) as sandbox:
        sandbox.publish()
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-eu"], input=EXAMPLES, cwd=tmp_path, text=True, timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().endswith('{"reset": true}')


def test_every_call_has_an_example() -> None:
    for call in API:
        method, path = call.split(" ")
        pattern = re.sub(r"\{[^}]*\}", r"[^ \"]+", path)
        lines = [line for line in EXAMPLES.splitlines() if re.search(rf'management{pattern}"', line)]
        explicit = {"PATCH": "-X PATCH", "PUT": "-X PUT"}.get(method, "")
        assert any(explicit in line for line in lines), call


def test_every_member_file_and_mode_is_told() -> None:
    source = Path(materials.__file__).read_text()
    members = set(re.findall(r'^        "([a-z_]+)": ', source, re.MULTILINE))
    assert len(members) > 20
    told = {*members, *(name for name in materials.NAMES if name not in ("obwac", "revoked", "bank", "directory"))}
    told |= {*Endpoint, *FaultMode}
    assert {word for word in told if f"`{word}`" not in PAGE} == set()
