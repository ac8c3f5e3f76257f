"""What the host makes of a script's answer: True passes, a declared no refuses, the rest is the bank's fault."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from scripting_builders import CREATE, body, call, certificate, identity, script

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import ErrorCode, Misconfigured
from dcrgw.ports.scripts import Refusal, ScriptOutcome
from dcrgw.scripting.host import ScriptHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

Hosted = Callable[..., Awaitable[ScriptHost]]


async def outcome_of(hosted: Hosted, folder: Path, text: str, **options: float) -> ScriptOutcome:
    return await (await hosted(script(folder, body(text)), **options)).create_client(call())


async def test_without_scripts_a_call_passes_unchanged(hosted: Hosted) -> None:
    asked = call()
    outcome = await (await hosted()).create_client(asked)
    assert outcome == ScriptOutcome(asked.metadata, "generated", False, {}, ran=())


async def test_true_passes(hosted: Hosted, tmp_path: Path) -> None:
    outcome = await outcome_of(hosted, tmp_path, "return True")
    assert outcome == ScriptOutcome(call().metadata, "generated", False, {}, ran=("script",))


async def test_false_refuses_in_the_gateways_words(hosted: Hosted, tmp_path: Path) -> None:
    outcome = await outcome_of(hosted, tmp_path, "return False")
    assert outcome.refusal == Refusal()
    assert outcome.ran == ("script",)


@pytest.mark.parametrize("answer", ["None", "1", "0", "'true'", "[]", "object()", "context"])
async def test_neither_true_nor_false_is_the_banks_fault(hosted: Hosted, tmp_path: Path, answer: str) -> None:
    with pytest.raises(Misconfigured, match="script"):
        await outcome_of(hosted, tmp_path, f"return {answer}")


@pytest.mark.parametrize(
    "statement",
    [
        "raise ValueError('s3cret')",
        "raise SystemExit(1)",
        "raise KeyboardInterrupt",
        "raise BaseException('s3cret')",
        "import asyncio; raise asyncio.CancelledError",
        "undefined",
        "context.client.no_such_member",
        "context.client.no_such_member = 1",
        "context.client.getNoSuchMember()",
        "context.register_request.getNoSuchMember()",
        "context.reject('no_such_code', 'x')",
        "context.reject('invalid_redirect_uri', 'x', 500)",
        "context.createWebApplicationException(200, 'fine')",
        "def f(): f()\nf()",
    ],
)
async def test_exception_is_the_banks_fault_named_without_its_words(
    hosted: Hosted, tmp_path: Path, statement: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        await outcome_of(hosted, tmp_path, f"{statement}\nreturn True")
    assert "script script (" in str(refused.value)
    assert "script.py, line" in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "left",
    [
        "context.client.attributes['x'] = object()",
        "context.client.attributes[5] = 1",
        "context.client.attributes['x'] = float('nan')",
        "a = []; a.append(a); context.client.attributes['x'] = a",
        "a = 1\nfor _ in range(20): a = [a]\ncontext.client.attributes['x'] = a",
        "context.client.attributes['x'] = 10 ** 5000",
        "context.client.attributes['x'] = '\\ud800'",
        "context.client.attributes['\\ud800'] = 'x'",
        "context.client.client_name = '\\ud800'",
        "context.client.redirect_uris.append({1})",
        "context.client.setClientId(5)",
        "context.client.metadata[5] = 'x'",
    ],
)
async def test_value_that_cannot_be_stored_is_the_banks_fault(hosted: Hosted, tmp_path: Path, left: str) -> None:
    with pytest.raises(Misconfigured):
        await outcome_of(hosted, tmp_path, f"{left}\nreturn True")


async def test_a_negative_zero_is_a_zero(hosted: Hosted, tmp_path: Path) -> None:
    outcome = await outcome_of(hosted, tmp_path, "context.client.attributes['x'] = -0.0\nreturn True")
    assert str(outcome.attributes["x"]) == "0.0"


async def test_declared_refusal_carries_the_scripts_code_and_words(hosted: Hosted, tmp_path: Path) -> None:
    outcome = await outcome_of(hosted, tmp_path, "context.reject('invalid_redirect_uri', 'not\\nthis \"one\"')")
    assert outcome.refusal == Refusal(ErrorCode.INVALID_REDIRECT_URI, "not?this ?one?", 400)


@pytest.mark.parametrize("after", ["return True", "return False", "return None"])
async def test_declared_refusal_holds_whatever_is_returned(hosted: Hosted, tmp_path: Path, after: str) -> None:
    entity = '{"error": "invalid_software_statement", "error_description": "no"}'
    outcome = await outcome_of(hosted, tmp_path, f"context.createWebApplicationException(403, '{entity}')\n{after}")
    assert outcome.refusal == Refusal(ErrorCode.INVALID_SOFTWARE_STATEMENT, "no", 403)


async def test_swallowed_rejection_still_refuses(hosted: Hosted, tmp_path: Path) -> None:
    text = "try:\n    context.reject('invalid_client_metadata')\nexcept Exception:\n    pass\nreturn True"
    assert (await outcome_of(hosted, tmp_path, text)).refusal.code is ErrorCode.INVALID_CLIENT_METADATA


@pytest.mark.parametrize(
    ("statement", "code", "description"),
    [
        ("context.createWebApplicationException(400, 'Access denied')", None, "Access denied"),
        ("context.createWebApplicationException(400, {'error': 'invalid_redirect_uri'})", "invalid_redirect_uri", None),
        ("context.createWebApplicationException(400, 'invalid_redirect_uri', 'no')", "invalid_redirect_uri", "no"),
        ("context.createWebApplicationException(400, 5)", None, "5"),
        ("context.throwWebApplicationException('no', 'invalid_client_metadata')", "invalid_client_metadata", "no"),
        ("context.throwWebApplicationException('no')", None, "no"),
        ("context.reject()", None, None),
    ],
)
async def test_each_way_to_refuse(
    hosted: Hosted, tmp_path: Path, statement: str, code: str | None, description: str | None
) -> None:
    outcome = await outcome_of(hosted, tmp_path, f"{statement}\nreturn True")
    assert outcome.refusal == Refusal(ErrorCode(code) if code else Refusal().code, description or Refusal().description)


async def test_enrichments_come_out(hosted: Hosted, tmp_path: Path) -> None:
    outcome = await outcome_of(
        hosted,
        tmp_path,
        """
        client = context.getClient()
        client.setClientId("chosen-1")
        client.setDn("inum=x,ou=clients,o=jans")
        client.setTrustedClient(True)
        client.setPersistClientAuthorizations(False)
        client.setAccessTokenAsJwt(True)
        client.getAttributes().setRunIntrospectionScriptBeforeJwtCreation(True)
        client.getAttributes().getIntrospectionScripts().append("introspect")
        client.setJwksUri(context.getSoftwareStatement().getClaims().getClaimAsString("org_jwks_endpoint"))
        client.setScopes(context.getRegisterRequest().getScope() + ["payments"])
        client.client_name = "Good Budget"
        client.redirect_uris.append("https://tpp.example/second")
        client.setTlsClientAuthSubjectDn(None)
        return True
        """,
    )
    assert (outcome.client_id, outcome.client_id_chosen) == ("chosen-1", True)
    assert outcome.metadata.members == {
        "redirect_uris": ["https://tpp.example/cb", "https://tpp.example/second"],
        "scope": "openid accounts payments",
        "token_endpoint_auth_method": "tls_client_auth",
        "jwks_uri": "https://keys.example/org",
        "client_name": "Good Budget",
    }
    assert outcome.attributes == {
        "dn": "inum=x,ou=clients,o=jans",
        "trusted": True,
        "persist_client_authorizations": False,
        "access_token_as_jwt": True,
        "run_introspection_script_before_jwt_creation": True,
        "introspection_scripts": ["introspect"],
    }


async def test_script_changes_nothing_of_the_call_itself(hosted: Hosted, tmp_path: Path) -> None:
    asked = call(attributes={"limits": [1]})
    before = repr(asked)
    text = """
    context.client.redirect_uris.clear()
    context.client.attributes["limits"].append(2)
    context.register_request.redirect_uris.clear()
    context.register_request.claims["iss"] = "other"
    context.software_statement.claims["software_roles"].append("PISP")
    return True
    """
    host = await hosted(script(tmp_path, body(text)))
    outcome = await host.create_client(asked)
    assert repr(asked) == before
    assert outcome.attributes == {"limits": [1, 2]}


async def test_values_kept_by_a_script_do_not_reach_a_finished_outcome(hosted: Hosted, tmp_path: Path) -> None:
    text = """
    if hasattr(self, "kept"):
        self.kept.attributes["a"].append(2)
        self.kept.metadata["client_name"] = "later"
    else:
        self.kept = context.client
        self.kept.attributes["a"] = [1]
    return True
    """
    host = await hosted(script(tmp_path, body(text)))
    outcome = await host.create_client(call())
    await host.create_client(call())
    assert outcome.attributes == {"a": [1]}
    assert "client_name" not in outcome.metadata.members


async def test_scripts_run_by_descending_level_and_each_sees_the_one_before(hosted: Hosted, tmp_path: Path) -> None:
    append = "context.client.attributes.setdefault('order', []).append('{0}')\nreturn True"
    scripts = [
        script(tmp_path, body(append.format(name)), name=name, level=level)
        for name, level in [("first", 9), ("b", 1), ("a", 1)]
    ]
    outcome = await (await hosted(*scripts)).create_client(call())
    assert outcome.attributes == {"order": ["first", "a", "b"]}
    assert outcome.ran == ("first", "a", "b")


async def test_first_no_ends_it(hosted: Hosted, tmp_path: Path) -> None:
    scripts = [
        script(tmp_path, body("return False"), name="no", level=2),
        script(tmp_path, body("raise ValueError"), name="never", level=1),
    ]
    outcome = await (await hosted(*scripts)).create_client(call())
    assert outcome.refusal is not None
    assert outcome.ran == ("no",)


async def test_only_enabled_scripts_of_the_market_run(hosted: Hosted, tmp_path: Path) -> None:
    scripts = [
        script(tmp_path, name="everywhere"),
        script(tmp_path, name="uk", markets=("uk",)),
        script(tmp_path, name="br", markets=("br",)),
        script(tmp_path, name="off", enabled=False),
    ]
    assert (await (await hosted(*scripts)).create_client(call())).ran == ("everywhere", "uk")
    assert (await (await hosted(*scripts)).create_client(call(market="br"))).ran == ("br", "everywhere")


async def test_update_runs_update_client_and_may_not_change_the_client_id(hosted: Hosted, tmp_path: Path) -> None:
    update = "def updateClient(self, context):\n    context.client.client_name = 'updated'\n    return True\n"
    outcome = await (await hosted(script(tmp_path, body("raise ValueError"), update))).update_client(call())
    assert outcome.metadata.text("client_name") == "updated"
    renaming = update.replace("context.client.client_name = 'updated'", "context.client.setClientId('other')")
    with pytest.raises(Misconfigured):
        await (await hosted(script(tmp_path, CREATE, renaming))).update_client(call())


async def test_three_argument_form_is_told_by_its_signature(hosted: Hosted, tmp_path: Path) -> None:
    create = """
    def createClient(self, registerRequest, client, configurationAttributes):
        client.setClientName(registerRequest.getRedirectUris()[0])
        client.attributes["certificate"] = configurationAttributes.get("certProperty").getValue1()
        return True
    """
    asked = call()
    outcome = await (await hosted(script(tmp_path, create))).create_client(asked)
    assert outcome.metadata.text("client_name") == "https://tpp.example/cb"
    assert outcome.attributes == {"certificate": ssl.DER_cert_to_PEM_cert(asked.certificate)}


async def test_async_method_is_awaited(hosted: Hosted, tmp_path: Path) -> None:
    create = """
    async def createClient(self, context):
        import asyncio
        await asyncio.sleep(0)
        context.client.client_name = "async"
        return True
    """
    outcome = await (await hosted(script(tmp_path, create))).create_client(call())
    assert outcome.metadata.text("client_name") == "async"


@pytest.mark.parametrize("swallowing", [False, True])
async def test_async_method_that_overruns_is_the_banks_fault(hosted: Hosted, tmp_path: Path, swallowing: bool) -> None:
    create = """
    async def createClient(self, context):
        import asyncio
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not {swallowing}:
                raise
        return True
    """
    loaded = script(tmp_path, create.format(swallowing=swallowing))
    with pytest.raises(Misconfigured, match="script"):
        await (await hosted(loaded, deadline_s=0.01)).create_client(call())


async def test_cancelled_request_stays_cancelled(hosted: Hosted, tmp_path: Path) -> None:
    create = "async def createClient(self, context):\n    import asyncio\n    await asyncio.Event().wait()\n"
    host = await hosted(script(tmp_path, create))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(host.create_client(call()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_concurrent_calls_see_their_own_certificate_and_client(hosted: Hosted, tmp_path: Path) -> None:
    create = """
    async def createClient(self, context):
        import asyncio
        from dcrgw.scripting.contexts import CertUtils
        properties = context.getConfigurationAttributes()
        await asyncio.sleep(0)
        pem = properties.get("certProperty").getValue1()
        context.client.setClientId(CertUtils.getCN(CertUtils.x509CertificateFromPem(pem)))
        context.client.attributes["cn"] = context.identity.common_name
        return True
    """
    host = await hosted(script(tmp_path, create))
    names = [f"tpp-{n}" for n in range(8)]
    outcomes = await asyncio.gather(
        *(
            host.create_client(call(identity=identity(name), certificate=certificate(name), client_id="x"))
            for name in names
        )
    )
    assert [outcome.client_id for outcome in outcomes] == names
    assert [outcome.attributes for outcome in outcomes] == [{"cn": name} for name in names]


async def test_plain_registration_has_no_statement(hosted: Hosted, tmp_path: Path) -> None:
    loaded = script(tmp_path, body("return context.getSoftwareStatement() is None"))
    asked = call(statement=None, metadata=ClientMetadata({}))
    assert (await (await hosted(loaded)).create_client(asked)).refusal is None
