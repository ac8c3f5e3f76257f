"""The questions that scripts may put to the gateway, answered by the request's own recorded ports."""

from __future__ import annotations

from collections.abc import Sequence

from dcrgw.core.jose.keys import KeySet, VerificationKey
from dcrgw.core.jose.publishing import public_jwk
from dcrgw.core.registration.standing import Standing
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports import Ports
from dcrgw.ports.scripts import Capability

#: Longer than any URL that is worth asking.
_LONGEST = 2048


def capability(ports: Ports, directories: Sequence[str]) -> Capability:
    """What scripts may ask during one request of a market with these directories.

    What it raises is the port's own; ValueError for a question of another form or about another directory.
    """

    async def ask(name: str, arguments: Sequence[JsonValue]) -> JsonValue:
        match name, list(arguments):
            case "directory.standing", [str(directory), str(software_id), str() | None as org_id]:
                _known(directory, directories)
                _short(software_id, org_id or "")
                return standing_json(await ports.directories.standing(directory, software_id, org_id))
            case "keysets.get", [str(directory), None, str(kid)]:
                _known(directory, directories)
                _short(kid)
                return key_set_json(await ports.keysets.of_directory(directory, kid))
            case "keysets.get", [str(directory), str(url), str(kid)]:
                _known(directory, directories)
                _short(url, kid)
                return key_set_json(await ports.keysets.of_software(directory, url, kid))
            case "http.get", [str(url)]:
                _short(url)
                answer = await ports.http.get(url)
                return {"status": answer.status, "media_type": answer.media_type, "text": answer.text}
        raise ValueError(f"{name[:40]} is not asked like this")

    return ask


def standing_json(standing: Standing) -> dict[str, JsonValue]:
    """The directory's word; authorisations as [member state, role, active]."""
    held, roles = standing.authorisations, standing.software_roles
    return {
        "found": standing.found,
        "software_id": standing.software_id,
        "org_id": standing.org_id,
        "organisation_active": standing.organisation_active,
        "software_active": standing.software_active,
        "software_roles": None if roles is None else list[JsonValue](sorted(roles)),
        "authorisations": None
        if held is None
        else [[one.member_state, role, one.active] for one in held for role in sorted(one.roles)],
        "observed_at": standing.observed_at,
        "source": standing.source,
    }


def key_set_json(keys: KeySet) -> dict[str, JsonValue]:
    """The usable keys as a JWK Set. A key that serves several algorithms names none."""
    found: list[JsonValue] = []
    for each in keys.keys.values():
        one: VerificationKey | None = each
        while one is not None:
            jwk: dict[str, JsonValue] = {**public_jwk(one.key, min(one.algorithms)), "kid": one.kid}
            if len(one.algorithms) > 1:
                del jwk["alg"]
            found.append(jwk)
            one = one.alternative
    return {"keys": found}


def _known(directory: str, directories: Sequence[str]) -> None:
    if directory not in directories:
        raise ValueError("this market has no such directory")


def _short(*texts: str) -> None:
    if any(len(text) > _LONGEST for text in texts):
        raise ValueError("a text of the question is too long")
