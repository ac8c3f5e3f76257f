"""What must not come again: the jtis that a change uses up; and a no that is known outside a stage."""

from __future__ import annotations

from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.interaction import AuthorizationRequest
from dcrgw.core.checks import Finding, Report
from dcrgw.errors import Rejected
from dcrgw.ports.registry import UsedToken


def used_assertion(proven: Authenticated) -> tuple[UsedToken, ...]:
    """The client's assertion, where it authenticated by one."""
    used = proven.assertion
    return (UsedToken("client_assertion", proven.client.client_id, used.jti, used.expires_at),) if used else ()


def used_object(request: AuthorizationRequest) -> tuple[UsedToken, ...]:
    """The request object, where it names a jti."""
    used = request.once
    return (UsedToken("request_object", request.client_id, used.jti, used.expires_at),) if used else ()


def refused(finding: Finding, report: Report) -> Rejected:
    """The refusal for one failed check."""
    report.findings.add(finding)
    return Rejected([finding.fault])
