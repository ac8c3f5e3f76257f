"""The example script that is shipped, and the skeleton that Janssen's documentation teaches, ported to Python 3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from scripting_builders import NOW, call, certificate, entry, identity, loaded, statement

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode, Misconfigured, Unavailable
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.loader import load
from dcrgw.scripting.testing import entry_of
from dcrgw.scripting.trial import GOOD_STANDING

EXAMPLE = Path(__file__).parents[2] / "config" / "scripts" / "client_registration.py"

SKELETON = """
from dcrgw.scripting.contexts import CertUtils
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def __init__(self, currentTimeMillis):
        self.currentTimeMillis = currentTimeMillis
    def init(self, customScript, configurationAttributes):
        print("Client registration. Initialization")
        if (not configurationAttributes.containsKey("param")):
            print("Client registration. Initialization. Property keyId is not specified")
            return False
        self.param = configurationAttributes.get("param").getValue2()
        print("Client registration. Initialized successfully")
        return True
    def destroy(self, configurationAttributes):
        print("Client registration. Destroy")
        print("Client registration. Destroyed successfully")
        return True
    def getApiVersion(self):
        return 11
    def createClient(self, context):
        configurationAttributes = context.getConfigurationAttibutes()
        client = context.getClient()
        # 1. obtain client id
        cert = CertUtils.x509CertificateFromPem(configurationAttributes.get("certProperty").getValue1())
        cn = CertUtils.getCN(cert)
        # 2. validate SSA
        valid = self.validateSoftwareStatement(cn)
        if valid == False:
             print("Invalid software statement")
             return False
        print("Client registration. cn: " + cn)
        client.setDn("inum=" + cn + ",ou=clients,o=jans")
        client.setClientId(cn)
        # 3. Used to indicate that only this is a trusted client
        client.setTrustedClient(True)
        client.setPersistClientAuthorizations(False)
        # 4. in order to run introspection script, assign it to run for this client
        client.setAccessTokenAsJwt(True)
        client.getAttributes().setRunIntrospectionScriptBeforeJwtCreation(True)
        dnOfIntrospectionScript = "inum=CABA-2222,ou=scripts,o=jans"
        dnOfIntrospectionScript_list = []
        dnOfIntrospectionScript_list.append(dnOfIntrospectionScript)
        client.getAttributes().setIntrospectionScripts(dnOfIntrospectionScript_list)
        # 5. mandatory fields which should be set in the script
        client.setJwksUri(context.getSoftwareStatement().getClaims().getClaimAsString("org_jwks_endpoint"))
        return True
    def validateSoftwareStatement(self, cn):
        return cn != "unwanted"
    def getSoftwareStatementHmacSecret(self, context):
        return ""
    def getDcrHmacSecret(self, context):
        return ""
    def updateClient(self, context):
         print("Client registration. UpdateClient method")
         return True
"""


def called_by(name: str) -> dict[str, object]:
    return {"identity": identity(name), "certificate": certificate(name)}


pytestmark = pytest.mark.asyncio(loop_scope="module")

Hosted = Callable[..., Awaitable[ScriptHost]]


async def test_documented_skeleton_enriches_the_client(hosted: Hosted, tmp_path: Path) -> None:
    skeleton = await hosted(entry(tmp_path, SKELETON), properties={"param": "x"})
    outcome = await skeleton.create_client(call(**called_by("tpp-cn")))
    assert outcome.refusal is None
    assert (outcome.client_id, outcome.client_id_chosen) == ("tpp-cn", True)
    assert outcome.metadata.text("jwks_uri") == "https://keys.example/org"
    assert outcome.attributes == {
        "dn": "inum=tpp-cn,ou=clients,o=jans",
        "trusted": True,
        "persist_client_authorizations": False,
        "access_token_as_jwt": True,
        "run_introspection_script_before_jwt_creation": True,
        "introspection_scripts": ["inum=CABA-2222,ou=scripts,o=jans"],
    }
    assert (await skeleton.update_client(call())).refusal is None


async def test_documented_skeleton_refuses(hosted: Hosted, tmp_path: Path) -> None:
    skeleton = await hosted(entry(tmp_path, SKELETON), properties={"param": "x"})
    outcome = await skeleton.create_client(call(**called_by("unwanted")))
    assert outcome.refusal.code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


async def test_documented_skeleton_without_its_property_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        loaded(tmp_path, SKELETON)


async def example(hosted: Hosted, **properties: str) -> ScriptHost:
    shipped = entry_of(EXAMPLE)
    return await hosted(shipped, properties={"introspectionScript": "intent", **properties})


async def standing(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
    assert (name, arguments[0]) == ("directory.standing", "ob")
    return GOOD_STANDING


async def test_example_enriches_and_keeps_the_generated_client_id(hosted: Hosted) -> None:
    outcome = await (await example(hosted)).create_client(call(), standing)
    assert outcome.refusal is None
    assert (outcome.client_id, outcome.client_id_chosen) == ("generated", False)
    assert outcome.metadata == call().metadata
    assert outcome.attributes == {
        "trusted": True,
        "persist_client_authorizations": False,
        "access_token_as_jwt": True,
        "run_introspection_script_before_jwt_creation": True,
        "introspection_scripts": ["intent"],
    }


async def test_example_takes_the_common_name_only_when_told(hosted: Hosted) -> None:
    asked = call(**called_by("tpp-cn"), metadata=ClientMetadata({"token_endpoint_auth_method": "private_key_jwt"}))
    outcome = await (await example(hosted, clientIdFromCertificate="true")).create_client(asked, standing)
    assert (outcome.client_id, outcome.client_id_chosen) == ("tpp-cn", True)


async def test_example_refuses_an_organisation_on_create_and_update(hosted: Hosted) -> None:
    host = await example(hosted, refusedOrganisations="org-9 org-1")
    for run in (host.create_client, host.update_client):
        assert (await run(call(), standing)).refusal.code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT
        assert (await run(call(statement=statement(org_id="org-2")), standing)).refusal is None
        assert (await run(call(statement=None), standing)).refusal is None


async def test_example_without_its_property_does_not_load() -> None:
    with pytest.raises(Misconfigured, match="client_registration"):
        load(entry_of(EXAMPLE), {}, now=NOW)


async def test_example_refuses_another_subject_than_the_certificates(hosted: Hosted) -> None:
    asked = call(**called_by("another"))
    outcome = await (await example(hosted)).create_client(asked, standing)
    assert outcome.refusal is not None
    assert outcome.refusal.code is ErrorCode.INVALID_CLIENT_METADATA


async def test_example_without_the_directory_registers_nobody(hosted: Hosted) -> None:
    async def down(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        raise Unavailable("directory", "timeout")

    host = await example(hosted)
    with pytest.raises(Unavailable):
        await host.create_client(call(), down)
