"""The JOSE door's refusals as checks, once for the request's token and once for the statement's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dcrgw.core.checks import Finding, Findings, Gate, gate
from dcrgw.core.jose.reasons import REASONS, JoseReason, JoseRefused
from dcrgw.errors import ErrorCode

_NO_STATUSES: Mapping[JoseReason, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TokenGates:
    """One gate for each reason, of one kind of token. `name` is what descriptions call the token."""

    name: str
    gates: Mapping[JoseReason, Gate]

    def refused(self, fault: JoseRefused) -> Finding:
        """The finding for what the door said."""
        return self.gates[fault.reason].failed(f"{self.name}: {fault.description}")

    def note_passed(self, findings: Findings) -> None:
        """State all of them, for a token that is proven."""
        findings.passed(self.gates.values())

    def note_skipped(self, findings: Findings, reason: str) -> None:
        """State all of them, for a request that is no token."""
        findings.skipped(self.gates.values(), reason)


def declare(
    prefix: str, name: str, code: ErrorCode, *, status: int = 400, statuses: Mapping[JoseReason, int] = _NO_STATUSES
) -> TokenGates:
    """The gates of one more kind of token, below `prefix`; `statuses` are those of single reasons."""
    gates = {
        reason: gate(
            f"{prefix}.{reason}",
            sentence,
            spec="RFC 7515 §5.2; RFC 8725 §3",
            code=code,
            status=statuses.get(reason, status),
        )
        for reason, sentence in REASONS.items()
    }
    return TokenGates(name, gates)


# The request's token is the whole body, so that one too large is content too large (RFC 9110 §15.5.14).
REQUEST = declare("request.jws", "the request", ErrorCode.INVALID_CLIENT_METADATA, statuses={JoseReason.SIZE: 413})
STATEMENT = declare("statement.jws", "software_statement", ErrorCode.INVALID_SOFTWARE_STATEMENT)
