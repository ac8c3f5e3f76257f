"""The methods beside createClient and updateClient, through a host in both modes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from scripting_builders import CREATE, UPDATE, certificate, entry, identity, source, statement

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.scripts import ClientCall, IntrospectionCall, KeysCall, Occasion
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.typed_calls import ask_nothing

pytestmark = pytest.mark.asyncio(loop_scope="module")

Hosted = Callable[..., Awaitable[ScriptHost]]
OCCASION = Occasion("uk", "create", http={"method": "POST"})
CLIENT = RegisteredClient(
    client_id="c-1",
    client_id_issued_at=1,
    market="uk",
    metadata=ClientMetadata({"client_name": "Good Budget", "scope": "accounts"}),
    software_id="software-1",
    org_id="org-1",
    directory="ob",
    software_statement="a.b.c",
    statement_claims={"org_name": "Good"},
    ssa_jti=None,
    x5t_s256="x",
    subject_key="k",
    request_digest="d",
    attributes={"tier": "gold"},
    secrets={"client_secret": "s3cret"},
)


def client_call(operation: str = "create") -> ClientCall:
    return ClientCall(replace(OCCASION, operation=operation), CLIENT, identity(), certificate())


def registering(folder: Path, methods: str, name: str = "script", **changes: Any) -> ScriptEntry:
    return entry(folder, source(CREATE, UPDATE + dedent(methods)), name, **changes)


def typed(
    folder: Path, type_id: str, base: str, class_name: str, method: str, name: str, **changes: Any
) -> ScriptEntry:
    life = "def init(self, s, a): return True\ndef destroy(self, a): return True\n"
    text = f"from dcrgw.scripting.types import {base}\nclass {class_name}({base}):\n" + indent(
        life + dedent(method), "    "
    )
    return entry(folder, text, name, type=type_id, **changes)


@pytest.mark.parametrize(
    ("operation", "method"),
    [("create", "modifyPostResponse"), ("update", "modifyPutResponse"), ("read", "modifyReadResponse")],
)
async def test_each_answer_has_its_method(operation: str, method: str, hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(
        registering(tmp_path, f"def {method}(self, json, context):\n    json.put('by', '{method}')\n    return True\n")
    )
    answer = await host.modify_response(client_call(operation), {"client_id": "c-1"}, ask_nothing)
    assert answer == {"client_id": "c-1", "by": method}
    other = {"create": "read", "read": "update", "update": "create"}[operation]
    assert await host.modify_response(client_call(other), {"client_id": "c-1"}, ask_nothing) is None


@pytest.mark.parametrize("answer", ["return False", "return True"])
async def test_answer_stays_without_a_yes_or_a_change(answer: str, hosted: Hosted, tmp_path: Path) -> None:
    change = "json.put('a', 1)\n    " if answer.endswith("False") else ""
    host = await hosted(registering(tmp_path, f"def modifyPostResponse(self, json, c):\n    {change}{answer}\n"))
    answered = await host.modify_response(client_call(), {"client_id": "c-1"}, ask_nothing)
    assert answered in (None, {"client_id": "c-1"})


@pytest.mark.parametrize(
    "statements",
    ["return None", "return 1", "c.reject('invalid_redirect_uri', 'no')", "json['a'] = object()\n    return True"],
)
async def test_answer_that_is_none_is_the_banks_fault(statements: str, hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(registering(tmp_path, f"def modifyPostResponse(self, json, c):\n    {statements}\n"))
    with pytest.raises(Misconfigured):
        await host.modify_response(client_call(), {}, ask_nothing)


async def test_only_the_highest_level_is_asked(hosted: Hosted, tmp_path: Path) -> None:
    method = "def modifyPostResponse(self, json, c):\n    json['by'] = '{0}'\n    return True\n"
    host = await hosted(
        registering(tmp_path, method.format("low"), "low", level=1),
        registering(tmp_path, method.format("high"), "high", level=9),
        registering(tmp_path, "", "higher", level=10),
    )
    assert await host.modify_response(client_call(), {}, ask_nothing) == {"by": "high"}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("return True", True),
        ("return False", False),
        ("context.createWebApplicationException(401, 'no')\n    return True", False),
        ("return context.client.client_name == 'Good Budget' and cert is not None", True),
        ("return CertUtils.getCN(cert) == context.identity.common_name == 'software-1'", True),
        ("return context.client.attributes['tier'] == 'gold' and not hasattr(context.client, 'client_secret')", True),
    ],
)
async def test_script_vouches_for_a_certificate(
    statements: str, expected: bool, hosted: Hosted, tmp_path: Path
) -> None:
    imports = "from dcrgw.scripting.contexts import CertUtils"
    lines = f"def isCertValidForClient(self, cert, context):\n    {imports}\n    {statements}\n"
    host = await hosted(registering(tmp_path, lines))
    assert await host.is_certificate_valid(client_call("token"), ask_nothing) is expected


async def test_no_script_says_nothing(hosted: Hosted) -> None:
    host = await hosted()
    assert await host.is_certificate_valid(client_call("token"), ask_nothing) is None
    assert await host.modify_response(client_call(), {}, ask_nothing) is None
    assert await host.keys(KeysCall(OCCASION, "ob", "statement", "a.b.c", {}), ask_nothing) is None
    assert await host.generate_id(OCCASION, "client") is None
    told = IntrospectionCall(OCCASION, CLIENT, {"active": True})
    assert (await host.modify_introspection(told)).response == {"active": True}


async def test_type_that_never_loaded_is_unavailable(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted()
    host.swap([], [registering(tmp_path, ""), replace(registering(tmp_path, "", "ids"), type="id_generator")])
    for asked in (
        host.modify_response(client_call(), {}, ask_nothing),
        host.is_certificate_valid(client_call("token"), ask_nothing),
        host.keys(KeysCall(OCCASION, "ob", "request", "a.b.c", {}), ask_nothing),
        host.generate_id(OCCASION, "client"),
    ):
        with pytest.raises(Unavailable):
            await asked


@pytest.mark.parametrize(
    ("of", "is_shared", "method"),
    [
        ("statement", False, "getSoftwareStatementJwks"),
        ("statement", True, "getSoftwareStatementHmacSecret"),
        ("request", False, "getDcrJwks"),
        ("request", True, "getDcrHmacSecret"),
    ],
)
async def test_keys_come_from_their_own_method(
    of: str, is_shared: bool, method: str, hosted: Hosted, tmp_path: Path
) -> None:
    seen = "context.getSoftwareStatement().verified" if of == "statement" else "context.getDcr().verified"
    host = await hosted(
        registering(tmp_path, f"def {method}(self, context):\n    return 'keys' if not {seen} else ''\n")
    )
    call = KeysCall(OCCASION, "ob", of, "a.b.c", {"iss": "x"}, is_shared, statement() if of == "request" else None)
    assert await host.keys(call, ask_nothing) == "keys"
    assert await host.keys(replace(call, is_shared=not is_shared), ask_nothing) is None


@pytest.mark.parametrize(
    ("returned", "expected"), [("None", ""), ("''", ""), ("{'keys': []}", json.dumps({"keys": []})), ("' x '", " x ")]
)
async def test_keys_may_be_text_or_an_object(returned: str, expected: str, hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(registering(tmp_path, f"def getDcrJwks(self, context):\n    return {returned}\n"))
    assert await host.keys(KeysCall(OCCASION, "ob", "request", "a.b.c", {}), ask_nothing) == expected


ID_METHOD = "def generateId(self, appId, idType, idPrefix, configurationAttributes):\n    {0}\n"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("return idPrefix + idType + '-1'", "P-client-1"),
        ("return None", None),
        ("return '  '", None),
        ("return appId", "dcrgw"),
    ],
)
async def test_ids(statements: str, expected: str | None, hosted: Hosted, tmp_path: Path) -> None:
    made = typed(tmp_path, "id_generator", "IdGeneratorType", "IdGenerator", ID_METHOD.format(statements), "ids")
    assert await (await hosted(made)).generate_id(OCCASION, "client", "P-") == expected


@pytest.mark.parametrize("statements", ["return 5", "raise ValueError", "return ['a']"])
async def test_id_that_is_no_text_is_the_banks_fault(statements: str, hosted: Hosted, tmp_path: Path) -> None:
    made = typed(tmp_path, "id_generator", "IdGeneratorType", "IdGenerator", ID_METHOD.format(statements), "ids")
    host = await hosted(made)
    with pytest.raises(Misconfigured):
        await host.generate_id(OCCASION, "client")


def enricher(folder: Path, name: str, statements: str, **changes: Any) -> ScriptEntry:
    method = "def modifyResponse(self, json, context):\n" + indent(dedent(statements), "    ") + "\n"
    return typed(folder, "introspection", "IntrospectionType", "Introspection", method, name, **changes)


def introspecting(**attributes: Any) -> IntrospectionCall:
    return IntrospectionCall(OCCASION, replace(CLIENT, attributes=attributes), {"active": True, "client_id": "c-1"})


async def test_every_introspection_script_runs_where_the_client_names_none(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(
        enricher(tmp_path, "b", "json.put('order', json.optString('order') + 'b')\nreturn True"),
        enricher(tmp_path, "a", "json.put('order', json.optString('order') + 'a')\nreturn True"),
        enricher(tmp_path, "no", "json.put('order', 'lost')\nreturn False"),
        enricher(tmp_path, "first", "json['order'] = context.client.client_name[0]\nreturn True", level=5),
    )
    outcome = await host.modify_introspection(introspecting())
    assert outcome.response == {"active": True, "client_id": "c-1", "order": "Gab"}
    assert outcome.into_jwt == outcome.response
    assert outcome.ran == ("first", "a", "b")


@pytest.mark.parametrize("name", ["mine", "AB-1", "inum=AB-1,ou=scripts,o=jans"])
async def test_a_clients_own_scripts_run_alone(name: str, hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(
        replace(enricher(tmp_path, "mine", "json['by'] = 'mine'\nreturn True"), inum="AB-1"),
        enricher(tmp_path, "other", "json['by'] = 'other'\nreturn True"),
    )
    assert (await host.modify_introspection(introspecting(introspection_scripts=[name]))).ran == ("mine",)
    assert (await host.modify_introspection(introspecting(introspection_scripts=name))).ran == ("mine",)
    assert (await host.modify_introspection(introspecting(introspection_scripts=[]))).ran == ()


async def test_own_script_that_does_not_serve_is_unavailable(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(enricher(tmp_path, "other", "return True"))
    with pytest.raises(Unavailable):
        await host.modify_introspection(introspecting(introspection_scripts=["gone"]))


async def test_additions_may_be_kept_out_of_tokens(hosted: Hosted, tmp_path: Path) -> None:
    keep = "json['inner'] = 1\ncontext.setTranferIntrospectionPropertiesIntoJwtClaims(False)\nreturn True"
    host = await hosted(
        enricher(tmp_path, "a", keep), enricher(tmp_path, "b", "json['outer'] = json['inner']\nreturn True")
    )
    outcome = await host.modify_introspection(introspecting())
    assert outcome.response == {"active": True, "client_id": "c-1", "inner": 1, "outer": 1}
    assert outcome.into_jwt == {"active": True, "client_id": "c-1", "outer": 1}


async def test_a_client_whose_scripts_cannot_be_read_is_served_by_none(hosted: Hosted, tmp_path: Path) -> None:
    host = await hosted(enricher(tmp_path, "mine", "return True"))
    with pytest.raises(Misconfigured):
        await host.modify_introspection(introspecting(introspection_scripts={"mine": True}))
