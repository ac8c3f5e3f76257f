"""The case that a recorded decision makes for a live bank: what is prepared, what is sent, and what is to be answered.

What reads, updates or deletes needs a client there: one is registered by the pack's right request, and is deleted at
the end of the case like any other. Recorded texts come as values of references, so that none of them is taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.conformance.pack import Case
from dcrgw.compliance.conformance.recorded import Restated, clients
from dcrgw.core.checks import CATALOGUE
from dcrgw.tpp.authentication import METHODS

#: Operation -> the step that plays it.
STEPS: Mapping[str, str] = {"create": "register", "read": "read", "update": "update", "delete": "delete"}
_A = {"create": "A registration", "read": "A reading", "update": "An update", "delete": "A deletion"}
_GOOD = {"registered": 201, "repeated": 201, "read": 200, "updated": 200, "deleted": 204}
#: Stages whose fault is not in the request: the certificate's, the directory's, or the registry's of that bank.
_ELSEWHERE = ("tls.", "identity.", "proxy.", "standing.", "registry.", "script.")
#: The same for single checks, with what only that bank could bring about.
_NOT_OURS: Mapping[str, str] = {
    "management.address.single": "the form of that bank's addresses",
    "management.token.scope": "the scope of the recorded token",
    "management.token.current": "the age of the recorded token",
    "management.token.own_right": "a customer's grant",
    "management.token.certificate": "the certificate of the recorded token",
    "management.certificate.holder": "another TPP's certificate",
    "update.software.same": "a statement of another software",
    "update.organisation.same": "a statement of another organisation",
}
#: What is compared of an answer beside its status: the other statuses say all that there is to say.
_TELLS_ERROR = 400


class NotLive(ValueError):
    """The bundle cannot be sent to a bank. The message says why."""


def failures(bundle: Bundle) -> tuple[str, ...]:
    """The ids of the checks that the recorded request failed, in order."""
    return tuple(check for check, verdict, _, _ in bundle.decided.findings if verdict == "failed")


def answered(bundle: Bundle) -> tuple[int, str, str]:
    """Status, OAuth error and clause with which the recorded decision was answered. Raises: NotLive."""
    if bundle.operation not in STEPS:
        raise NotLive(f"a {bundle.operation} is not sent to a bank: what is sent is {', '.join(STEPS)}")
    decision = bundle.decided.decision
    if decision in _GOOD:
        return _GOOD[decision], "", "RFC 7591 section 3.2.1" if decision in ("registered", "repeated") else "RFC 7592"
    failed = failures(bundle)
    _see_that_it_is_ours(failed)
    gate = CATALOGUE.get(failed[0]) if failed else None
    if decision != "refused" or gate is None:
        raise NotLive(f"the recorded decision is {decision}, which is no answer about the request")
    error = str(bundle.market.error_codes.get(gate.id, gate.code)) if gate.status == _TELLS_ERROR else ""
    return gate.status, error, gate.spec


def _see_that_it_is_ours(failed: tuple[str, ...]) -> None:
    if failed and failed[0].startswith(_ELSEWHERE):
        raise NotLive(f"it was refused by {failed[0]}, whose reason is not in the request")
    foreign = next((check for check in failed if check in _NOT_OURS), None)
    if foreign is not None:
        raise NotLive(f"it was refused by {foreign}, and {_NOT_OURS[foreign]} cannot be made again at another bank")


def case_of(bundle: Bundle, restated: Restated) -> tuple[Case, Mapping[str, Any]]:
    """The case that sends the request, and the values that it refers to. Raises: NotLive."""
    status, error, clause = answered(bundle)
    wanted: dict[str, Any] = {"status": [status]}
    if error:
        wanted |= {"body": "json", "errors": [error]}
    values: dict[str, Any] = {}
    what = STEPS[bundle.operation]
    own = {"do": what, "expect": [wanted], **(_content(restated, values) if what in ("register", "update") else {})}
    steps = [own] if what == "register" else [*_before(bundle), own | _authority(bundle)]
    case = {
        "id": "recorded",
        "title": f"{_A[bundle.operation]} is {bundle.decided.decision}, as recorded: {status} {error}".rstrip(),
        "clause": clause,
        "steps": steps,
    }
    return Case.model_validate(case), {"recorded": values}


def _content(restated: Restated, values: dict[str, Any]) -> dict[str, Any]:
    """The members of a step that say what is sent."""
    if restated.body is not None:
        values["body"], values["media_type"] = restated.body, restated.media_type
        return {"body": "${recorded.body}", "media_type": "${recorded.media_type}"}
    values["media_type"], values["header"] = restated.media_type, restated.header
    told: dict[str, Any] = {"bare": True, "media_type": "${recorded.media_type}", "form": "json"}
    if restated.header is not None:
        told |= {"form": "jws", "header": _referred(restated.header, "h", values), "sign": {"alg": restated.alg}}
    if restated.ordered is not None:
        changes = _referred(restated.ordered.claims, "s", values)
        told["statement"] = {"claims": changes, "without": restated.ordered.without}
    claims = {name: value for name, value in restated.claims.items() if value is not None}
    null = [name for name, value in restated.claims.items() if value is None]
    values |= {f"z{index}": name for index, name in enumerate(null)}
    return told | {
        "claims": {**_referred(claims, "c", values), **restated.of_the_client},
        "null": [f"${{recorded.z{index}}}" for index in range(len(null))],
    }


def _referred(members: Mapping[str, Any], letter: str, values: dict[str, Any]) -> dict[str, str]:
    """The members by references alone, which `values` gets."""
    referred = {}
    for index, (name, value) in enumerate(members.items()):
        values[f"{letter}n{index}"], values[f"{letter}v{index}"] = name, value
        referred[f"${{recorded.{letter}n{index}}}"] = f"${{recorded.{letter}v{index}}}"
    return referred


def _before(bundle: Bundle) -> list[dict[str, Any]]:
    """The clients that the request needs: they authenticate as the recorded one did."""
    method = next((each.metadata.text("token_endpoint_auth_method") for each in clients(bundle)), None)
    claims = {"token_endpoint_auth_method": method} if method in METHODS else {}
    registered: dict[str, Any] = {"do": "register", "claims": claims, "expect": ["registered"]}
    is_foreign = "management.token.client" in failures(bundle) and not _is_nobody_s(bundle)
    return [registered | {"client": "other"}, registered] if is_foreign else [registered]


def _authority(bundle: Bundle) -> dict[str, Any]:
    """What a management request says of who may manage: wrong in the way that the recorded one was. Raises: NotLive."""
    failed = failures(bundle)
    headers = bundle.arrival.authorization
    scheme, _, rest = (headers[0] if headers else "").partition(" ")
    if "management.version.expected" in failed:
        return {"headers": {"If-Match": '"of-no-version"'}}
    if "management.token.single" in failed:
        return {"query": "access_token=a-second-one"}
    if "management.token.present" in failed:
        return {"scheme": scheme if scheme.isalpha() else "Basic"} if headers else {"token": "none"}
    if "management.token.form" in failed:
        return {"scheme": "Bearer and"} if rest.strip() else {"token": "empty"}
    if "management.authorised" not in failed:
        return {}
    if _is_nobody_s(bundle):
        return {"url": "${bank.registration_endpoint}/${uuid}"}
    if "management.token.client" in failed:
        return {"token": "other"}
    if {"management.token.known", "management.token.market"} & set(failed):
        return {"token": "unknown"}
    raise NotLive("it was refused by management.client.active, and only that bank could suspend the client")


def _is_nobody_s(bundle: Bundle) -> bool:
    """Whether the token was one, and the URL named a client that there is not."""
    failed = failures(bundle)
    return "management.client.active" in failed and "management.token.known" not in failed and not clients(bundle)
