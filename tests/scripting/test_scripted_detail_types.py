"""Detail types as scripts and settings make them: which there are, what they say, and whose fault is what."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from granting_bank import client
from scripting_builders import entry

from dcrgw.core.authorization.detail_rules import DeclaredType, Less
from dcrgw.core.authorization.detail_schema import compiled
from dcrgw.core.authorization.details import AuthorizationDetail
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.core.scripts.entry_checks import entry_faults
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.scripts import Occasion
from dcrgw.scripting.detail_types import MOST_FAULTS, MOST_TOLD, DetailTypes
from dcrgw.scripting.files import read_script
from dcrgw.scripting.host import ScriptHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

Hosted = Callable[..., Awaitable[ScriptHost]]

SKELETON = """
from dcrgw.scripting.types import AuthzDetailType

class AuthzDetail(AuthzDetailType):
    def init(self, customScript, configurationAttributes):
        return True
    def destroy(self, configurationAttributes):
        return True
{methods}
"""
TEXT = 'def getUiRepresentation(self, context):\n    return "text"\n'
SCHEMA = json.dumps({"required": ["amount"], "properties": {"amount": {"type": "integer", "maximum": 100}}})
CONTEXT = DetailContext(
    client(),
    DetailOperation.PUSHED,
    Occasion("uk", "par", "report", "interaction", {"method": "POST", "headers": {"x-fapi-customer-ip": "1"}}),
)


def detail_script(
    folder: Path, validate: str = "return True", more: str = TEXT, name: str = "payment", **changes: Any
) -> ScriptEntry:
    methods = "def validateDetail(self, context):\n" + indent(dedent(validate), "    ") + "\n" + dedent(more)
    changes["configuration_properties"] = tuple(
        ScriptProperty(key, value) for key, value in changes.pop("properties", {}).items()
    )
    return entry(folder, SKELETON.format(methods=indent(methods, "    ")), name, type="authz_detail", **changes)


def detail(type_: str = "payment", **members: JsonValue) -> AuthorizationDetail:
    return AuthorizationDetail(type_, {"type": type_, **members})


async def nothing(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
    raise ValueError("nothing is asked here")


async def judged(types: DetailTypes, *details: AuthorizationDetail) -> list[tuple[int, str]]:
    faults = await types.judge(details, CONTEXT, nothing)
    assert all(fault.description for fault in faults)
    return [(fault.index, fault.pointer) for fault in faults]


async def test_type_is_named_by_a_property_or_by_the_scripts_name(hosted: Hosted, tmp_path: Path) -> None:
    uri = "https://bank.example/types/Payment"
    host = await hosted(
        detail_script(tmp_path, name="accounts"), detail_script(tmp_path, name="pay", properties={"type": uri})
    )
    types = DetailTypes(host)
    assert types.types("uk") == ("accounts", uri)
    assert (await judged(types, detail("accounts"), detail(uri))) == []


@pytest.mark.parametrize("other", ["Payment", "payment ", "pаyment", "payment\u0301", "https://bank.example/payment"])
async def test_types_are_compared_byte_by_byte(hosted: Hosted, tmp_path: Path, other: str) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path)))
    assert other not in types.types("uk")
    assert await judged(types, detail(other)) == [(0, "/0/type")]


async def test_type_is_there_in_the_markets_of_its_script(hosted: Hosted, tmp_path: Path) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path, markets=("uk",))))
    assert (types.types("uk"), types.types("generic")) == (("payment",), ())


async def test_highest_level_judges_where_two_scripts_name_one_type(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(
        detail_script(tmp_path, name="lax", properties={"type": "payment"}),
        detail_script(tmp_path, "return False", name="strict", level=5, properties={"type": "payment"}),
    )
    assert await judged(DetailTypes(host), detail()) == [(0, "/0")]


async def test_new_generation_changes_the_types_at_once(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(detail_script(tmp_path))
    types = DetailTypes(host)
    assert types.types("uk") == ("payment",)
    host.swap(())
    assert types.types("uk") == ()
    assert await judged(types, detail()) == [(0, "/0/type")]


async def test_type_whose_script_does_not_work_is_unavailable_and_not_unknown(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted()
    host.swap((), [detail_script(tmp_path)])
    types = DetailTypes(host)
    assert types.types("uk") == ("payment",)
    with pytest.raises(Unavailable):
        await judged(types, detail())


async def test_script_sees_detail_siblings_client_request_and_operation(hosted: Hosted, tmp_path: Path) -> None:
    script = detail_script(
        tmp_path,
        """
        seen = [context.index, context.getAuthzDetail().getType(), [each.type for each in context.siblings]]
        seen += [context.client.client_id, context.operation, context.market, context.http_request.getMethod()]
        context.fault("", str(seen).replace("'", ""))
        """,
    )
    faults = await DetailTypes(await hosted(script)).judge((detail("a"), detail()), CONTEXT, nothing)
    told = faults[1].description
    assert told == "[1, payment, [a, payment], client-1, pushed_authorization_request, uk, POST]"


async def test_all_faults_of_all_details_are_told_at_once(hosted: Hosted, tmp_path: Path) -> None:
    script = detail_script(
        tmp_path,
        """
        if context.index:
            context.fault("/amount", "is too much")
            context.fault("/creditor/iban", "is not an IBAN")
        return True
        """,
    )
    found = await judged(DetailTypes(await hosted(script)), detail(), detail(), detail())
    assert found == [(1, "/1/amount"), (1, "/1/creditor/iban"), (2, "/2/amount"), (2, "/2/creditor/iban")]


@pytest.mark.parametrize(
    "validate",
    [
        "return False",
        'context.reject("invalid_authorization_details", "no")',
        'context.createWebApplicationException(400, "no")\nreturn True',
        'return context.detail.json.getJSONObject("instructedAmount") is not None',
        'raise ValueError("not as it should be")',
        'context.fault("", "no")\nreturn True',
    ],
)
async def test_every_way_to_say_no_refuses_the_detail(hosted: Hosted, tmp_path: Path, validate: str) -> None:
    assert await judged(DetailTypes(await hosted(detail_script(tmp_path, validate))), detail()) == [(0, "/0")]


async def test_exception_tells_the_operator_and_not_the_tpp(hosted: Hosted, tmp_path: Path) -> None:
    events: list[str] = []
    host = await hosted(
        detail_script(tmp_path, 'raise ValueError("SECRET")'), on_event=lambda name, **_fields: events.append(name)
    )
    faults = await DetailTypes(host).judge((detail(),), CONTEXT, nothing)
    assert "SECRET" not in faults[0].description
    assert "script_failed" in events
    assert host.errors()[0].name == "payment"


@pytest.mark.parametrize("validate", ["return None", 'return "yes"', "return 1", "import sys; sys.exit()", "missing()"])
async def test_no_answer_is_the_banks_fault(hosted: Hosted, tmp_path: Path, validate: str) -> None:
    with pytest.raises(Misconfigured):
        await judged(DetailTypes(await hosted(detail_script(tmp_path, validate))), detail())


async def test_script_that_overruns_grants_nothing(hosted: Hosted, tmp_path: Path) -> None:
    script = detail_script(
        tmp_path,
        "pass",
        "import asyncio\nasync def validateDetail(self, context):\n    await asyncio.sleep(60)\n" + TEXT,
    )
    host = await hosted(script, deadline_s=0.2)
    with pytest.raises(Misconfigured):
        await judged(DetailTypes(host), detail())


async def test_all_details_of_a_request_share_one_deadline(hosted: Hosted, tmp_path: Path) -> None:
    wait = "import asyncio\nasync def validateDetail(self, context):\n    await asyncio.sleep(0.1)\n    return True\n"
    host = await hosted(detail_script(tmp_path, "pass", wait + TEXT))
    with pytest.raises(Misconfigured):
        await judged(DetailTypes(host, deadline_s=0.3), *[detail(n=n) for n in range(50)])


async def test_words_of_a_fault_are_made_safe(hosted: Hosted, tmp_path: Path) -> None:
    faults = 'for i in range(100):\n    context.fault("/a" + chr(10) + str(i), "\\"é\\r\\nSet-Cookie: x")'
    found = await DetailTypes(await hosted(detail_script(tmp_path, faults))).judge((detail(),), CONTEXT, nothing)
    assert len(found) == MOST_FAULTS
    assert all(fault.description.isascii() and fault.description.isprintable() for fault in found)


async def test_schema_speaks_before_the_script(hosted: Hosted, tmp_path: Path) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path, "return False", properties={"schema": SCHEMA})))
    assert await judged(types, detail(amount=101), detail(), detail(amount=1)) == [
        (0, "/0/amount"),
        (1, "/1/amount"),
        (2, "/2"),
    ]


async def test_schema_beside_the_file_is_read_with_it(tmp_path: Path) -> None:
    script = detail_script(tmp_path, inum="AAAA-0001")
    (tmp_path / "payment.schema.json").write_text(SCHEMA)
    changed = read_script(script)
    assert (changed.fault, changed.entry.schema) == ("", SCHEMA)
    (tmp_path / "payment.schema.json").write_text('{"type": "strin"}')
    broken = read_script(script)
    assert "schema" in broken.fault
    assert broken.entry.digest != changed.entry.digest


@pytest.mark.parametrize(
    "properties",
    [
        {"schema": '{"$ref": "https://elsewhere.example/"}'},
        {"schema": "file:payment.schema.json"},
        {"type": ""},
        {"type": "x" * 257},
        {"type": "pay\u200bment"},
    ],
)
async def test_type_and_schema_are_vetted_before_they_serve(tmp_path: Path, properties: dict[str, str]) -> None:
    members = [fault.member for fault in entry_faults(detail_script(tmp_path, inum="AAAA-0001", properties=properties))]
    assert members == list(properties)


async def test_declared_type_needs_no_script(hosted: Hosted) -> None:
    declared = DeclaredType("payment", ("uk",), compiled(SCHEMA), {"en": "Pay {/amount}", "pt": "Pague {/amount}"})
    types = DetailTypes(await hosted(), [declared])
    assert (types.types("uk"), types.types("generic")) == (("payment",), ())
    assert await judged(types, detail(amount=101), detail(amount=1)) == [(0, "/0/amount")]
    texts = await types.texts((detail(amount=1, ui_representation="Win!"),), CONTEXT, ("pt",), nothing)
    assert [(each.text, each.note) for each in texts] == [("Pague 1", "Win!")]


async def test_after_many_faults_each_further_detail_is_told_by_its_first(hosted: Hosted) -> None:
    schema = json.dumps({"properties": {name: {"const": 1} for name in "abcdefghij"}})
    declared = DeclaredType("payment", ("uk",), compiled(schema), {"en": "Pay"})
    wrong = detail(**dict.fromkeys("abcdefghij", 2))
    found = [index for index, _ in await judged(DetailTypes(await hosted(), [declared]), *[wrong] * 10)]
    assert [found.count(index) for index in range(10)] == [10] * (MOST_TOLD // 10) + [1] * (10 - MOST_TOLD // 10)


async def test_declared_schema_without_words_needs_a_script(hosted: Hosted, tmp_path: Path) -> None:
    declared = DeclaredType("payment", (), compiled(SCHEMA))
    assert DetailTypes(await hosted(), [declared]).types("uk") == ()
    types = DetailTypes(await hosted(detail_script(tmp_path)), [declared])
    assert await judged(types, detail(amount=101), detail(amount=1)) == [(0, "/0/amount")]


async def test_words_are_the_banks_and_in_the_persons_language(hosted: Hosted, tmp_path: Path) -> None:
    words = """
    def getUiRepresentation(self, context):
        return context.in_words({"en": "Pay", "pt": "Pague"}) + " " + str(context.detail.json["amount"])
    """
    types = DetailTypes(await hosted(detail_script(tmp_path, more=words)))
    for languages, text in ((("pt-BR",), "Pague 5"), (("de",), "Pay 5")):
        texts = await types.texts((detail(amount=5),), CONTEXT, languages, nothing)
        assert [(each.text, each.note) for each in texts] == [(text, None)]


@pytest.mark.parametrize("note", [5, ["x"], "", "  ", None])
async def test_note_that_is_no_text_is_none(hosted: Hosted, tmp_path: Path, note: JsonValue) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path)))
    texts = await types.texts((detail(ui_representation=note),), CONTEXT, (), nothing)
    assert texts[0].note is None


async def test_long_note_is_cut(hosted: Hosted, tmp_path: Path) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path)))
    texts = await types.texts((detail(ui_representation="x" * 8192),), CONTEXT, (), nothing)
    assert len(texts[0].note or "") == 1000


@pytest.mark.parametrize(
    "words", ["return None", 'return ""', "return 5", 'return "x" * 20000', 'raise ValueError("x")']
)
async def test_without_words_nobody_is_asked(hosted: Hosted, tmp_path: Path, words: str) -> None:
    script = detail_script(tmp_path, more=f"def getUiRepresentation(self, context):\n    {words}\n")
    with pytest.raises(Misconfigured):
        await DetailTypes(await hosted(script)).texts((detail(),), CONTEXT, (), nothing)


NARROWS = """
def narrowsDetail(self, context):
    return context.detail.json["amount"] <= context.granted.json["amount"]
"""


async def test_script_says_what_is_less(hosted: Hosted, tmp_path: Path) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path, more=TEXT + NARROWS)))
    assert await types.narrows(detail(amount=1), detail(amount=2), CONTEXT, nothing)
    assert not await types.narrows(detail(amount=3), detail(amount=2), CONTEXT, nothing)


async def test_declared_rule_says_what_is_less_where_the_script_does_not(hosted: Hosted, tmp_path: Path) -> None:
    declared = DeclaredType("payment", (), compiled("{}"), narrows={"/amount": Less.AT_MOST})
    types = DetailTypes(await hosted(detail_script(tmp_path)), [declared])
    assert await types.narrows(detail(amount=1), detail(amount=2), CONTEXT, nothing)
    assert not await types.narrows(detail(amount=3), detail(amount=2), CONTEXT, nothing)


async def test_without_any_rule_nothing_is_less(hosted: Hosted, tmp_path: Path) -> None:
    types = DetailTypes(await hosted(detail_script(tmp_path)))
    assert not await types.narrows(detail(amount=1), detail(amount=2), CONTEXT, nothing)
    assert not await types.narrows(detail("gone"), detail("gone"), CONTEXT, nothing)


@pytest.mark.parametrize("answer", ["return None", 'raise ValueError("x")'])
async def test_narrowing_without_an_answer_is_the_banks_fault(hosted: Hosted, tmp_path: Path, answer: str) -> None:
    script = detail_script(tmp_path, more=TEXT + f"def narrowsDetail(self, context):\n    {answer}\n")
    with pytest.raises(Misconfigured):
        await DetailTypes(await hosted(script)).narrows(detail(), detail(), CONTEXT, nothing)


async def test_script_may_ask_and_without_an_answer_nothing_is_granted(hosted: Hosted, tmp_path: Path) -> None:
    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        assert name == "http.get"
        raise Unavailable("risk", "it does not answer")

    script = detail_script(tmp_path, 'return context.http.get("https://risk.example/").json()["good"]')
    types = DetailTypes(await hosted(script))
    with pytest.raises(Unavailable):
        await types.judge((detail(),), CONTEXT, ask)
