"""One decision of every kind that a real gateway makes, in every version of the bundle, decided again elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from every_decision import every_decision
from older_writers import compare_in_every_version
from town import Town

from dcrgw.core.checks import in_full

pytestmark = pytest.mark.asyncio(loop_scope="module")

has_scripts = True


async def test_every_decision_is_the_same_to_the_byte_in_every_version_and_elsewhere(
    town: Town, tmp_path: Path
) -> None:
    documents = await every_decision(town)
    for document in documents.values():
        content = json.loads(document)["content"]
        assert content["generations"].keys() == {"dcrgw", "gateway", "configuration", "trust", "scripts"}
        judged = {stage for each in content["timings"] for stage in each["stages"]}
        found = (in_full(each)[0] for each in content["decided"]["findings"])
        assert judged == {check.partition(".")[0] for check in found}
    said = await compare_in_every_version(documents, tmp_path)
    assert said[4] == said[3] == {*documents}
    assert said[2] == {name for name in documents if not name.startswith("generic")}
