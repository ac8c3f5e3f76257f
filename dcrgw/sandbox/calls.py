"""The bodies that the management API takes: every member named, every other one refused."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dcrgw.core.jose import base64url
from dcrgw.sandbox.traffic import FaultMode

#: Text that goes into URLs, subjects and documents.
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Role = Literal["AISP", "PISP", "CBPII", "ASPSP", "DADOS", "PAGTO", "CONTA", "CCORR"]


class Refused(Exception):
    """A 4xx with one sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


class Call(BaseModel):
    """A body: strict JSON types, no member that the call does not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class MintStatement(Call):
    """POST /statements"""

    market: str | None = None
    software_id: str | None = None
    claims: dict[str, Any] = {}
    header: dict[str, Any] = {}
    key: Literal["current", "retired", "foreign"] = "current"
    raw: str | None = None
    raw_header: str | None = None


class IssueCertificate(Call):
    """POST /certificates"""

    market: str | None = None
    kind: Literal["obtransport", "obsigning", "obwac", "obseal", "qwac", "qseal", "brcac", "brseal", "cdr"]
    software_id: str | None = None
    subject: str | None = None
    not_before: int | float | str | None = None
    not_after: int | float | str | None = None
    eku: list[str] | None = None
    ca: bool = False
    key_type: Literal["rsa1024", "rsa2048", "rsa3072", "rsa4096", "p192", "p256", "p384", "p521"] = "rsa2048"
    issuer: Literal["own", "foreign"] = "own"


class RevokeCertificate(Call):
    """POST /certificates/revoke: a PEM certificate; what follows it in a chain is not looked at."""

    certificate: str
    reason: Literal[
        "unspecified",
        "keyCompromise",
        "cACompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "certificateHold",
        "privilegeWithdrawn",
    ] = "unspecified"
    #: `authority`: its list and its responder say so; `directory`: the software's revoked key set does.
    at: Literal["authority", "directory"] = "authority"
    software_id: str | None = None


class AddOrganisation(Call):
    """POST /organisations"""

    market: str | None = None
    org_name: Text
    roles: list[Role] | None = None


class ChangeOrganisation(Call):
    """PATCH /organisations/{id}"""

    status: Text | None = None
    roles: list[Role] | None = None


class AddSoftware(Call):
    """POST /software"""

    org_id: str
    software_client_name: Text | None = None
    roles: list[Text] | None = None
    redirect_uris: list[str] | None = None


class ChangeSoftware(Call):
    """PATCH /software/{id}"""

    active: bool | None = None
    roles: list[Text] | None = None
    mode: Text | None = None
    redirect_uris: list[str] | None = None


class PublishKeySet(Call):
    """PUT /software/{id}/jwks: text as it is, other JSON as its text, null the software's real keys again."""

    document: Any = None
    #: Any bytes, base64url, instead of `document`.
    raw: str | None = None


class RotateKeys(Call):
    """POST /keys/rotate"""

    market: str | None = None
    of: Literal["directory", "software"]
    software_id: str | None = None
    keep_old: bool = False


class SwitchFault(Call):
    """PUT /faults/{endpoint}"""

    market: str | None = None
    mode: Annotated[FaultMode, Field(strict=False)]
    delay_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None


C = TypeVar("C", bound=Call)


async def read(request: web.Request, model: type[C]) -> C:
    """The body of a call. Raises: Refused for anything but a JSON object of the model's members."""
    body = await request.read()
    try:
        members = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(members, dict):
        raise Refused("the body is not a JSON object")
    try:
        return model.model_validate(members)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{where}: {first['msg']}") from None


def octets(name: str, text: str | None) -> bytes | None:
    """The bytes of a base64url member, None for an absent one. Raises: Refused."""
    if text is None:
        return None
    try:
        return base64url.decode(text.encode("ascii"))
    except (base64url.NotCanonical, UnicodeEncodeError):
        raise Refused(f"{name} is not base64url without padding") from None


def instant(name: str, value: float | str | None) -> float | datetime | None:
    """The moment of a member: epoch seconds, or RFC 3339 text with its zone. Raises: Refused."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(f"{name} is neither epoch seconds nor RFC 3339 text with a zone")
    return moment
