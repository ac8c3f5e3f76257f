"""From facts to arguments and from what a script did to changes: plain JSON on both sides."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripting_builders import call, identity, statement

from dcrgw.core.registration.authorities import Authorisation
from dcrgw.core.registration.standing import Standing as DirectoryStanding
from dcrgw.flows.capabilities import standing_json
from dcrgw.scripting.bindings import Bound, bind
from dcrgw.scripting.contexts import CapabilityRefused, CertUtils, CustomScript
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.refusal import Rejection

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def registering(method: str = "createClient", **changes: Any) -> Bound:
    return bind("client_registration", method, facts_of_call(call(**changes)), {"a": "1"}, script=SCRIPT)


SCRIPT = CustomScript("mine", "client_registration", level=3, inum="AB-1", revision=2)


def test_a_worker_imports_neither_gateway_nor_cryptography() -> None:
    code = "import sys, json, dcrgw.scripting.bindings, dcrgw.scripting.loader; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = json.loads(done.stdout)
    foreign = ("cryptography", "ssl", "jwcrypto", "aiohttp", "dcrgw.ports", "dcrgw.config", "dcrgw.core.jose")
    assert not [name for name in loaded if name.startswith(foreign)]


def test_facts_are_plain_json_and_survive_the_pipe() -> None:
    facts = facts_of_call(call())
    assert json.loads(json.dumps(facts)) == facts
    context = bind("client_registration", "createClient", json.loads(json.dumps(facts)), {}).context
    assert context.identity.common_name == "software-1"
    assert context.identity.subject == identity().subject
    assert CertUtils.getCN(context.certificate) == "software-1"


def test_untouched_call_changes_nothing() -> None:
    assert registering().changes(True) == {}


def test_reading_changes_nothing() -> None:
    bound = registering()
    (context,) = bound.arguments(("context",))
    assert context.client.getScopes() == ["openid", "accounts"]
    assert context.client.getAttributes() == {}
    assert bound.changes(True) == {}


def test_both_forms_reach_the_same_client() -> None:
    bound = registering()
    request, client, properties = bound.arguments(("registerRequest", "client", "configurationAttributes"))
    client.client_name = request.getRedirectUris()[0]
    client.attributes["a"] = properties.get("a").getValue2()
    assert bound.changes() == {
        "metadata": {**call().metadata.members, "client_name": "https://tpp.example/cb"},
        "attributes": {"a": "1"},
    }


def test_client_is_only_read_outside_create_and_update() -> None:
    bound = registering("isCertValidForClient")
    certificate_, context = bound.arguments(("cert", "context"))
    assert CertUtils.getCN(certificate_) == "software-1"
    context.client.client_name = "other"
    assert bound.changes(True) == {}


@pytest.mark.parametrize("left", [object(), float("nan"), {1: 2}, {"a": {1}}])
def test_what_is_not_json_is_a_type_error_that_names_no_value(left: object) -> None:
    bound = registering()
    bound.context.client.attributes["s3cret"] = left
    with pytest.raises(TypeError, match=r"createClient left what is not JSON in attributes") as refused:
        bound.changes()
    assert "s3cret" not in str(refused.value)


def test_changed_response_comes_back_and_the_facts_stay() -> None:
    facts = {"response": {"client_id": "c", "scope": {"a": [1]}}}
    bound = bind("client_registration", "modifyPostResponse", facts, {})
    response, context = bound.arguments(("responseAsJsonObject", "executionContext"))
    assert context is bound.context
    response.put("x", 1).getJSONObject("scope")["a"].append(2)
    assert bound.changes(True) == {"response": {"client_id": "c", "x": 1, "scope": {"a": [1, 2]}}}
    assert facts == {"response": {"client_id": "c", "scope": {"a": [1]}}}


@pytest.mark.parametrize("declare", ["reject", "createWebApplicationException", "throwWebApplicationException"])
def test_declared_refusal_is_plain_json(declare: str) -> None:
    bound = registering()
    assert bound.refusal is None
    with contextlib.suppress(Rejection):
        if declare == "reject":
            bound.context.reject("invalid_redirect_uri", "no", 403)
        elif declare == "createWebApplicationException":
            bound.context.createWebApplicationException(403, "invalid_redirect_uri", "no")
            with pytest.raises(Rejection):
                bound.context.throwWebApplicationExceptionIfSet()
        else:
            bound.context.throwWebApplicationException("no", "invalid_redirect_uri")
    assert bound.refusal is not None
    status = 400 if declare == "throwWebApplicationException" else 403
    assert bound.refusal == {"error": "invalid_redirect_uri", "description": "no", "status": status}


def test_nothing_is_thrown_where_nothing_is_set() -> None:
    assert registering().context.throwWebApplicationExceptionIfSet() is None


def test_stale_evidence_tells_the_nonce() -> None:
    bound = registering()
    bound.context.createStaleEvidenceWebApplicationException("n-1")
    assert bound.refusal is not None
    assert bound.refusal["error"] == "invalid_client_metadata"
    assert "n-1" in str(bound.refusal["description"])


@pytest.mark.parametrize("status", [200, 399, 500, "400"])
def test_status_that_is_no_refusal_is_a_fault(status: Any) -> None:
    with pytest.raises(ValueError, match="no refusal"):
        registering().context.createWebApplicationException(status, "x")


def test_code_of_another_endpoint_may_not_leave_register_but_others() -> None:
    with pytest.raises(ValueError, match="none of"):
        registering().context.reject("invalid_authorization_details", "x")
    bound = bind("authz_detail", "validateDetail", {}, {})
    with pytest.raises(Rejection):
        bound.context.reject("invalid_authorization_details", "x")


def test_context_says_who_where_and_by_which_script() -> None:
    http = {"method": "POST", "path": "/register", "remote_address": "10.1.2.3", "headers": {"X-Trace": "t"}}
    context = registering(http=http, request_jws="a.b.c", operation="update").context
    request = context.getHttpRequest()
    assert (request.getMethod(), request.getHeader("x-trace"), request.getHeader("y")) == ("POST", "t", None)
    assert (context.getIpAddress(), context.isInNetwork("10.0.0.0/8"), context.isInNetwork("::/0")) == (
        "10.1.2.3",
        True,
        False,
    )
    assert (context.getScript().getName(), context.getScript().getInum()) == ("mine", "AB-1")
    assert (context.market, context.operation) == ("uk", "update")
    assert context.getDcr().getEncoded() == "a.b.c"
    assert context.getRegisterRequestJson()["jti"] == "r-1"
    assert context.getSoftwareStatement().verified is True
    assert context.getEvidence() is None


@pytest.mark.parametrize("address", [None, "::ffff:10.1.2.3", "fe80::1%eth0"])
def test_networks(address: str | None) -> None:
    context = registering(http={"remote_address": address}).context
    assert context.isInNetwork("10.0.0.0/8") is (address == "::ffff:10.1.2.3")
    with pytest.raises(ValueError, match="nowhere"):
        context.isInNetwork("nowhere")


@pytest.mark.parametrize("name", ["getPersistenceEntryManager", "getHttpResponse", "getErrorResponseFactory"])
def test_what_only_the_seeds_had_is_refused_with_advice(name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name}: "):
        getattr(registering().context, name)
    with pytest.raises(AttributeError, match="has no getNothing"):
        registering().context.getNothing()


class Answering:
    """Capabilities that answer from a list and keep what they were asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, name: str, arguments: list[Any]) -> Any:
        self.asked.append((name, arguments))
        return self.answers.pop(0)


STANDING = DirectoryStanding(
    found=True,
    org_id="org-1",
    software_id="software-1",
    organisation_active=True,
    software_active=True,
    software_roles=frozenset({"AISP"}),
    authorisations=(Authorisation("GBR", frozenset({"AISP"})), Authorisation("FR", frozenset({"PISP"}), active=False)),
    observed_at=5.0,
    source="https://directory.example",
)


def asking(ask: Any, **changes: Any) -> Any:
    return bind("client_registration", "createClient", facts_of_call(call(**changes)), {}, ask).context


def test_standing_is_asked_for_this_calls_tpp() -> None:
    ask = Answering(json.loads(json.dumps(standing_json(STANDING))), standing_json(STANDING))
    context = asking(ask)
    found = context.directory.standing()
    assert found.is_good
    assert found.authorises("AISP")
    assert found.authorises("AISP", "GB")
    assert not found.authorises("AISP", "FR")
    assert not found.authorises("PISP")
    assert context.directory.standing("other", "org-9").software_roles == {"AISP"}
    assert ask.asked == [
        ("directory.standing", ["ob", "software-1", "org-1"]),
        ("directory.standing", ["ob", "other", "org-9"]),
    ]


@pytest.mark.parametrize("bad", ["found", "organisation_active", "software_active"])
def test_standing_that_is_not_all_yes_is_not_good(bad: str) -> None:
    assert not asking(Answering({**standing_json(STANDING), bad: False})).directory.standing().is_good


def test_directory_that_lists_nothing_authorises_nothing() -> None:
    told = {**standing_json(STANDING), "authorisations": None, "software_roles": None}
    found = asking(Answering(told)).directory.standing()
    assert found.software_roles is None
    assert not found.authorises("AISP")


async def test_answers_are_awaited_where_they_come_later() -> None:
    async def later(name: str, arguments: list[Any]) -> Any:
        return standing_json(STANDING)

    assert (await asking(later).directory.standing()).found


def test_key_sets_and_http() -> None:
    ask = Answering({"keys": []}, {"status": 200, "media_type": "application/json", "text": '{"a": 1}'})
    context = asking(ask)
    assert context.keysets.get("https://keys.example/a") == {"keys": []}
    assert context.http.get("https://api.example/risk").json() == {"a": 1}
    assert ask.asked == [
        ("keysets.get", ["ob", "https://keys.example/a", ""]),
        ("http.get", ["https://api.example/risk"]),
    ]


def test_without_a_statement_there_is_nobody_to_ask_about() -> None:
    context = asking(Answering(), statement=None)
    with pytest.raises(CapabilityRefused):
        context.directory.standing()
    with pytest.raises(CapabilityRefused):
        context.keysets.get()


def test_without_capabilities_every_question_is_refused() -> None:
    with pytest.raises(CapabilityRefused):
        registering().context.directory.standing()


# The seeds' validateSSA family, done right.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"statement": None}, "invalid_software_statement"),
        ({"statement": statement(claims={"software_redirect_uris": []})}, "invalid_redirect_uri"),
        ({"request_claims": {"software_id": "other"}}, "invalid_client_metadata"),
        ({"identity": identity("other")}, "invalid_client_metadata"),
        ({"statement": statement(org_id="org-9")}, "invalid_client_metadata"),
    ],
)
def test_validate_ssa(changes: dict[str, Any], code: str | None) -> None:
    bound = registering(**changes)
    if code is None:
        bound.context.validateSSA()
    else:
        with pytest.raises(Rejection):
            bound.context.validateSSA()
    assert (bound.refusal or {}).get("error") == code


def test_issuer_may_be_narrowed() -> None:
    context = registering(statement=statement(claims={"iss": "OpenBanking Ltd"})).context
    context.validateIssuer()
    context.validateIssuer(["OpenBanking Ltd"])
    with pytest.raises(Rejection):
        context.validateIssuer(["Other"])
    assert context.validateCNIsNotBlank() == "software-1"
    assert context.validateOUIsNotBlank() == "org-1"


def test_unverified_statement_validates_nothing() -> None:
    facts = {"statement": {"jws": "a.b.c", "claims": {"iss": "x"}, "verified": False}}
    context = bind("client_registration", "getSoftwareStatementJwks", facts, {}).context
    assert context.getSoftwareStatement().verified is False
    with pytest.raises(Rejection):
        context.validateSSA()


# The other types.


def test_introspection_may_keep_its_additions_out_of_tokens() -> None:
    facts = {"response": {"active": True}, "client": {"client_id": "c", "client_name": "N"}}
    bound = bind("introspection", "modifyResponse", facts, {})
    response, context = bound.arguments(("responseAsJsonObject", "context"))
    assert (context.getClient().getClientId(), context.client.client_name) == ("c", "N")
    response["sub"] = "s"
    assert bound.changes(True) == {"response": {"active": True, "sub": "s"}}
    context.setTranferIntrospectionPropertiesIntoJwtClaims(False)
    assert bound.changes(True) == {"response": {"active": True, "sub": "s"}, "transfers_into_jwt": False}


def test_detail_sees_its_siblings_and_changes_nothing() -> None:
    facts = {
        "detail": {"type": "payment", "amount": "1"},
        "index": 1,
        "siblings": [{"type": "accounts"}, {"type": "payment", "amount": "1"}],
        "client": {"client_id": "c"},
        "operation": "token",
    }
    bound = bind("authz_detail", "validateDetail", facts, {})
    (context,) = bound.arguments(("context",))
    detail = context.getAuthzDetail()
    assert (detail.getType(), detail.index, context.operation) == ("payment", 1, "token")
    assert [one.type for one in context.siblings] == ["accounts", "payment"]
    context.siblings[0].json["type"] = "other"
    assert bound.changes(True) == {}
    detail.getJsonObject().put("amount", "2")
    assert bound.changes(True) == {}
    context.fault("/amount", "is not one that we pay")
    assert bound.changes(True) == {"faults": [["/amount", "is not one that we pay"]]}


def test_people_come_back_as_values() -> None:
    facts = {"user": {"uid": "u", "mail": ["a", "b"]}, "parameters": {"p": "1"}, "persisted": True}
    bound = bind("update_user", "updateUser", facts, {})
    user, persisted, _ = bound.arguments(("user", "persisted", "configurationAttributes"))
    assert (user.getUid(), user.getAttribute("mail"), user.getAttributeValues("uid"), persisted) == (
        "u",
        "a",
        ["u"],
        True,
    )
    assert bound.changes() == {}
    user.setAttribute("status", "active")
    user.setUid("v")
    assert bound.changes() == {"user": {"uid": "v", "mail": ["a", "b"], "status": "active"}}


def test_password_grant_may_be_taken_back_or_given() -> None:
    kind = "resource_owner_password_credentials"
    bound = bind(kind, "authenticate", {"user": {"uid": "u"}}, {})
    bound.context.setUser(None)
    assert bound.changes(True) == {"user": None}
    bound = bind(kind, "authenticate", {"user": None}, {})
    bound.context.setUser({"uid": "w"})
    assert bound.changes(True) == {"user": {"uid": "w"}}


def test_scope_adds_claims() -> None:
    bound = bind("dynamic_scope", "update", {"claims": {"sub": "s"}}, {})
    bound.context.addClaim("level", 3)
    assert bound.changes(True) == {"claims": {"sub": "s", "level": 3}}


@given(st.dictionaries(st.text(), JSON, max_size=4), st.dictionaries(st.text(), JSON, max_size=4))
def test_any_response_comes_back_as_it_was_made(before: dict[str, Any], after: dict[str, Any]) -> None:
    bound = bind("introspection", "modifyResponse", {"response": before}, {})
    response = bound.arguments(("responseAsJsonObject",))[0]
    assert response == before
    response.clear()
    response.update(after)
    assert bound.changes() == ({} if after == before else {"response": after})


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "AAAA", "%00", "é"])
def test_certificate_that_is_none_is_none(pem: str) -> None:
    assert CertUtils.x509CertificateFromPem(pem) is None


def test_certificate_is_read_in_every_spelling() -> None:
    pem = registering().context.configuration_attributes.get("certProperty").getValue1()
    bare = "".join(line for line in pem.splitlines() if "-----" not in line)
    for text in (pem, bare, pem.replace("\n", "%0A").replace("+", "%2B")):
        found = CertUtils.x509CertificateFromPem(text)
        assert found is not None
        assert CertUtils.getCN(found) == "software-1"
        assert CertUtils.getAttr(found, "2.5.4.11") == ""
    assert CertUtils.equalsRdn("CN=a, O=b", "cn=A,o=B")
    assert not CertUtils.equalsRdn("CN=a", "nonsense")
