"""A port's failures as values: a decision rests on them as much as on answers."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.errors import Fault, Misconfigured, Rejected, Unavailable


@dataclass(frozen=True, slots=True)
class KeptFailure:
    """One of the three failures, or any other exception as `failed`; `reason` is the operator's text."""

    kind: str
    reason: str = ""
    dependency: str = ""
    retry_after_s: int = 5
    faults: tuple[Fault, ...] = ()


class Failed(Exception):
    """An exception that is none of the three failures, met again in a replay."""


def keep(failure: BaseException) -> KeptFailure:
    """The failure as a value. Of a foreign exception only its type: its text may hold anything."""
    match failure:
        case Unavailable():
            return KeptFailure("unavailable", failure.reason, failure.dependency, failure.retry_after_s)
        case Rejected():
            return KeptFailure("rejected", faults=failure.faults)
        case Misconfigured():
            return KeptFailure("misconfigured", str(failure))
        case _:
            return KeptFailure("failed", type(failure).__name__)


def restore(kept: KeptFailure) -> Exception:
    """The failure to raise. Raises: ValueError for a kind that there is not."""
    match kept.kind:
        case "unavailable":
            return Unavailable(kept.dependency, kept.reason, retry_after_s=kept.retry_after_s)
        case "rejected":
            return Rejected(kept.faults)
        case "misconfigured":
            return Misconfigured(kept.reason)
        case "failed":
            return Failed(kept.reason)
    raise ValueError("kind is none of unavailable, rejected, misconfigured and failed")
