"""docs/authorization-details.md is true: its first type, its script, its question and its answer."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from granting_bank import client

from dcrgw.config.sections.scripts import DetailTypeSettings
from dcrgw.core.authorization.detail_rules import DeclaredType
from dcrgw.core.authorization.detail_schema import compiled
from dcrgw.core.authorization.details import AuthorizationDetail
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.scripts import Occasion
from dcrgw.scripting.detail_types import DetailTypes
from dcrgw.scripting.host import ScriptHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "authorization-details.md").read_text(encoding="utf-8")
CONTEXT = DetailContext(client(), DetailOperation.CHECK, Occasion("uk", "check_details"))
RIGHT = AuthorizationDetail("balance_check", {"type": "balance_check", "account": "12345678"})
WRONG = AuthorizationDetail("balance_check", {"type": "balance_check", "account": "01234567"})


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


async def nothing(name: str, arguments: Any) -> JsonValue:
    raise ValueError("nothing is asked")


async def test_first_type_needs_no_script() -> None:
    (table,) = tomllib.loads(blocks("toml")[0])["detail_type"]
    said = DetailTypeSettings.model_validate(table, context={"base": Path()})
    declared = DeclaredType(said.type, said.markets, compiled(blocks("json")[0]), said.texts)
    types = DetailTypes(ScriptHost(on_event=lambda *_args, **_fields: None), [declared])
    assert await types.judge((RIGHT,), CONTEXT, nothing) == ()
    texts = await types.texts((RIGHT,), CONTEXT, ("pt",), nothing)
    assert texts[0].text in PAGE


async def test_its_script_judges(hosted: Callable[..., Awaitable[ScriptHost]]) -> None:
    text = blocks("python")[0]
    types = DetailTypes(await hosted(ScriptEntry("AAAA-0001", "balance_check", "authz_detail", text)))
    assert await types.judge((RIGHT,), CONTEXT, nothing) == ()
    assert [each.pointer for each in await types.judge((WRONG,), CONTEXT, nothing)] == ["/0/account"]
    assert (await types.texts((RIGHT,), CONTEXT, ("pt",), nothing))[0].text == "Ver o saldo de 12345678"


async def test_rules_of_the_page_are_rules() -> None:
    table = {"type": "payment", "schema": "s.json", **tomllib.loads(blocks("toml")[1])}
    assert DetailTypeSettings.model_validate(table, context={"base": Path()}).narrows


async def test_answer_is_as_described() -> None:
    components = json.loads((DOCS / "openapi-details.json").read_text())["components"]
    schema = {"$ref": "#/components/schemas/Verdict", "components": components}
    jsonschema_rs.Draft202012Validator(schema, offline=True).validate(json.loads(blocks("json")[-1]))
