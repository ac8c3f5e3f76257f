"""Errands to rows and back. All but what they are found by is sealed: credentials stand in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dcrgw.adapters.sealer import Sealer
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.upstream.client import UpstreamRef, WantedClient
from dcrgw.core.upstream.errand import Act, Claim, Errand

#: What `errand_of` reads, in its order.
_OPEN = ("key", "act", "market", "client_id", "begun_at", "due_at", "attempts", "claimed_until", "unsure", "trouble")
ERRAND_COLUMNS = ", ".join((*_OPEN, "sealed"))

#: As in `rows`, which needs what stands here.
Row = tuple[Any, ...]
Parameters = dict[str, Any]

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class PreparedErrand:
    """The part of a change that is about errands, as SQL parameters."""

    ends: Claim | None
    begins: Parameters | None
    #: The version that `begins` has a successor for, with what is needed to find its client.
    over: Parameters | None
    undoes: Parameters | None
    freed: tuple[Parameters, ...]


def prepare_errand(
    begins: Errand | None, ends: Claim | None, undoes: Errand | None, sealer: Sealer
) -> PreparedErrand | None:
    """None for a change that is about none."""
    if begins is None and ends is None and undoes is None:
        return None
    return PreparedErrand(
        ends=ends,
        begins=_parameters(begins, sealer) if begins else None,
        over=_over(begins) if begins else None,
        undoes={"market": undoes.market, "client_id": undoes.client_id} if undoes else None,
        freed=tuple(_freed(undoes)) if undoes else (),
    )


def errand_of(row: Row, sealer: Sealer) -> Errand:
    """The errand of a row of ERRAND_COLUMNS, equal to the one that was stored. Raises: Misconfigured."""
    column = dict(zip(_OPEN, row[:-1], strict=True))
    column["act"], column["unsure"] = Act(column["act"]), bool(column["unsure"])
    held = json.loads(sealer.open(row[-1], _context(column["market"], column["key"])))
    wanted, ref, successor = held.pop("wanted"), held.pop("ref"), held.pop("successor")
    return Errand(
        **column,
        **{name: value for name, value in held.items() if name != "used"},
        used=tuple(tuple(each) for each in held["used"]),
        wanted=WantedClient(**wanted) if wanted else None,
        ref=UpstreamRef(**ref) if ref else None,
        successor=_client_of(successor) if successor else None,
    )


def _parameters(errand: Errand, sealer: Sealer) -> Parameters:
    held = {
        "report_id": errand.report_id,
        "interaction_id": errand.interaction_id,
        "request_digest": errand.request_digest,
        "subject_key": errand.subject_key,
        "over_digest": errand.over_digest,
        "used": errand.used,
        "wanted": _plain(errand.wanted),
        "ref": _plain(errand.ref),
        "successor": _plain_client(errand.successor),
    }
    return {
        **{name: getattr(errand, name) for name in _OPEN},
        "act": errand.act.value,
        "yields": errand.yields,
        "known_unsure": errand.unsure,
        # What begins under a claim is being told already; to delete twice does no harm.
        "unsure": errand.unsure or (errand.claimed_until > 0 and errand.act is not Act.DELETE),
        "sealed": sealer.seal(_json(held), _context(errand.market, errand.key)),
    }


def _over(errand: Errand) -> Parameters | None:
    successor = errand.successor
    if successor is None:
        return None
    return {
        "market": successor.market,
        "client_id": successor.client_id,
        "request_digest": successor.request_digest,
        "subject_key": successor.subject_key,
        "version": successor.version - 1,
    }


def _freed(errand: Errand) -> list[Parameters]:
    same = {
        "market": errand.market,
        "request_digest": errand.request_digest,
        "subject_key": errand.subject_key,
    }
    return [{**same, "kind": kind, "issuer": issuer, "jti": jti} for kind, issuer, jti in errand.used]


def _plain(value: WantedClient | UpstreamRef | None) -> dict[str, Any] | None:
    if value is None:
        return None
    plain = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: dict(held) if isinstance(held, Mapping) else held for name, held in plain.items()}


def _plain_client(client: RegisteredClient | None) -> dict[str, Any] | None:
    if client is None:
        return None
    plain = {each.name: getattr(client, each.name) for each in fields(client)}
    return {
        **{name: dict(held) if isinstance(held, Mapping) else held for name, held in plain.items()},
        "metadata": dict(client.metadata.members),
        "status": client.status.value,
        "upstream": _plain(client.upstream),
    }


def _client_of(plain: dict[str, Any]) -> RegisteredClient:
    upstream = plain.pop("upstream")
    return RegisteredClient(
        **{name: value for name, value in plain.items() if name not in ("metadata", "status")},
        metadata=ClientMetadata(plain["metadata"]),
        status=ClientStatus(plain["status"]),
        upstream=UpstreamRef(**upstream) if upstream else None,
    )


def _context(market: str, key: str) -> str:
    """What a sealed errand is bound to. A key holds no colon, so no two contexts read alike."""
    return f"errand:{key}:{market}"
