"""What an authorization server's (AS) no means: about the client, about the gateway, or nothing that can be known."""

from __future__ import annotations

import time

from dcrgw.adapters.directory.endpoint import retry_after_s
from dcrgw.adapters.upstream.way import Answer
from dcrgw.core import strict_json
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.gates import APPROVED, CLIENT_ID_FREE, METADATA, REDIRECT_URIS, STATEMENT
from dcrgw.errors import GatewayError, Misconfigured, Rejected, Unavailable

_BY_ERROR = {
    "invalid_redirect_uri": REDIRECT_URIS,
    "invalid_client_metadata": METADATA,
    "invalid_software_statement": STATEMENT,
    "unapproved_software_statement": APPROVED,
}
_LONGEST_WAIT_S = 60.0


def refusal(dependency: str, asked: str, answer: Answer, *, credential: str) -> GatewayError:
    """The failure that an answer is which is no yes. `credential` names what the gateway showed.

    `asked` says what was wanted, for the operator: "POST registration".
    """
    status = answer.status
    said = error_of(answer)
    if status in (401, 403):
        return Misconfigured(
            f"{dependency}: it answered {status} to {asked}: it refuses the gateway; look at {credential}"
        )
    if status == 409:
        return Rejected([CLIENT_ID_FREE.failed("the authorization server has such a client already").fault])
    if status == 413 or (status in (400, 422) and said is not None):
        return _about_the_client(said or ("", ""))
    if status == 429 or status >= 500:
        wait_s = min(retry_after_s(answer.field("retry-after") or None, time.time()) or 5.0, _LONGEST_WAIT_S)
        return Unavailable(dependency, f"answered {status} to {asked}", retry_after_s=max(1, round(wait_s)))
    if 300 <= status < 400:
        return Misconfigured(f"{dependency}: it answered {status} to {asked}: it leads elsewhere; look at upstream.url")
    if status in (404, 405, 501):
        return Misconfigured(f"{dependency}: it answered {status} to {asked}: see whether that is switched on there")
    if 400 <= status < 500:
        return Misconfigured(
            f"{dependency}: it answered {status} to {asked} without an OAuth error, so what stands in front of it may"
            " refuse the gateway; look at its log"
        )
    return Unavailable(dependency, f"answered {status} to {asked}")


def error_of(answer: Answer) -> tuple[str, str] | None:
    """`error` and `error_description` of an OAuth error (RFC 6749 §5.2); None where it is none."""
    try:
        members = strict_json.loads_object(answer.body)
    except strict_json.JsonRefused:
        return None
    # errorMessage is Keycloak's.
    error, description = members.get("error", ""), members.get("error_description", members.get("errorMessage", ""))
    if not isinstance(error, str) or not isinstance(description, str) or not (error or description):
        return None
    return error, description


def json_of(dependency: str, asked: str, answer: Answer) -> JsonValue:
    """The JSON of a yes. Raises: Unavailable: what was done nobody knows."""
    if answer.content_type != "application/json" and not answer.content_type.endswith("+json"):
        raise Unavailable(dependency, f"the answer to {asked} is no JSON")
    if answer.field("content-encoding") not in ("", "identity"):
        raise Unavailable(dependency, f"the answer to {asked} is compressed, though that was not asked for")
    try:
        return strict_json.loads(answer.body)
    except strict_json.JsonRefused as refused:
        raise Unavailable(dependency, f"the answer to {asked} {refused}") from None


def members_of(dependency: str, asked: str, answer: Answer) -> dict[str, JsonValue]:
    """The same where it is an object."""
    found = json_of(dependency, asked, answer)
    if not isinstance(found, dict):
        raise Unavailable(dependency, f"the answer to {asked} is no JSON object")
    return found


def _about_the_client(said: tuple[str, str]) -> Rejected:
    error, description = said
    refusing = _BY_ERROR.get(error, METADATA)
    if error not in _BY_ERROR and "redirect uri" in description.lower():
        refusing = REDIRECT_URIS
    # Its words are meant for the developer of the client, who would get them from it without us, too.
    words = f": {description[:200]}" if description else ""
    return refusing.rejection(f"the authorization server refuses the client{words}")
