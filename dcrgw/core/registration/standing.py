"""The directory's word on a TPP: is the organisation active, is the software, in which roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.registration.authorities import Authorisation, active_roles
from dcrgw.core.registration.profile import Profile
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Standing:
    """What the directory says now. `found` False: the directory knows no such software in that organisation.

    `observed_at` is epoch seconds of the directory's answer; `source` the URL that was asked.
    """

    found: bool
    org_id: str | None
    software_id: str
    organisation_active: bool
    #: None: the directory does not list software.
    software_active: bool | None
    software_roles: frozenset[str] | None
    authorisations: tuple[Authorisation, ...] | None
    observed_at: float
    source: str
    #: None: the directory does not say.
    redirect_uris: frozenset[str] | None = None
    software_mode: str | None = None


_SPEC = (
    "OB Directory API, OBThirdPartyProviders; Open Finance Brasil Directory, participants; "
    "CDR Register, data recipients; RFC 7591 §3.2.2"
)
_UNAPPROVED = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT

FOUND = gate("standing.software.found", "The directory knows the software.", spec=_SPEC, code=_UNAPPROVED)
SAME_SOFTWARE = gate(
    "standing.software.same", "The directory speaks of the statement's software.", spec=_SPEC, code=_UNAPPROVED
)
SAME_ORGANISATION = gate(
    "standing.organisation.same", "The software is the statement's organisation's.", spec=_SPEC, code=_UNAPPROVED
)
ORGANISATION_ACTIVE = gate("standing.organisation.active", "The organisation is active.", spec=_SPEC, code=_UNAPPROVED)
SOFTWARE_ACTIVE = gate("standing.software.active", "The software is active.", spec=_SPEC, code=_UNAPPROVED)
MODE = gate(
    "standing.software.mode", "Software whose statement is Live is Live in the directory.", spec=_SPEC, code=_UNAPPROVED
)
REDIRECT_URIS = gate(
    "standing.redirect_uris.held",
    "The directory still lists the redirect URIs that are asked for.",
    spec=_SPEC,
    code=_UNAPPROVED,
)
ROLES = gate("standing.roles.held", "The software still has the statement's roles.", spec=_SPEC, code=_UNAPPROVED)
AUTHORISED = gate(
    "standing.roles.authorised",
    "A regulator of the market authorises the roles that are asked for.",
    spec="OB Directory API, competentauthorityclaims",
    code=_UNAPPROVED,
)


def judge(
    standing: Standing,
    statement: SoftwareStatement,
    profile: Profile,
    scopes: Iterable[str] | None = None,
    redirect_uris: Iterable[str] = (),
) -> Judgement[Standing]:
    """Whether the directory lets this software in now. All that fails is said at once.

    With `scopes` (those to be registered) only roles that they need must be authorised; without, all of them.
    `redirect_uris` are those to be registered.
    """
    findings = Findings()
    if not findings.settle(FOUND, None if standing.found else "the directory does not know the statement's software"):
        return findings.judgement()
    findings.settle(
        SAME_SOFTWARE,
        None if standing.software_id == statement.software_id else "the directory answered for another software",
    )
    findings.settle(
        SAME_ORGANISATION,
        None if standing.org_id == statement.org_id else "the software is not the statement's organisation's",
    )
    findings.settle(
        ORGANISATION_ACTIVE, None if standing.organisation_active else "the organisation is not active in the directory"
    )
    if standing.software_active is None:
        findings.add(SOFTWARE_ACTIVE.skipped("the directory lists no software"))
    else:
        findings.settle(
            SOFTWARE_ACTIVE, None if standing.software_active else "the software is not active in the directory"
        )
    if profile.standing_compares_metadata:
        _judge_mode(standing, statement, findings)
        _judge_redirect_uris(standing, redirect_uris, findings)
    else:
        for entry in (MODE, REDIRECT_URIS):
            findings.add(entry.skipped("this market leaves redirect URIs and mode to the statement"))
    _judge_roles(standing, statement, profile, scopes, findings)
    return findings.judgement(standing)


def _judge_mode(standing: Standing, statement: SoftwareStatement, findings: Findings) -> None:
    if standing.software_mode is None or (statement.software_mode or "").lower() != "live":
        findings.add(MODE.skipped("the statement is not Live, or the directory says no mode"))
        return
    # The directory writes `Live` and `Not Live`, a statement `Live` and `Test`.
    is_live = standing.software_mode.strip().lower() == "live"
    findings.settle(MODE, None if is_live else "the software is no longer Live in the directory")


def _judge_redirect_uris(standing: Standing, redirect_uris: Iterable[str], findings: Findings) -> None:
    if standing.redirect_uris is None:
        findings.add(REDIRECT_URIS.skipped("the directory lists no redirect URIs"))
        return
    gone = [i for i, uri in enumerate(redirect_uris) if uri not in standing.redirect_uris]
    findings.settle(REDIRECT_URIS, f"redirect_uris[{gone[0]}] is no longer listed by the directory" if gone else None)


def _judge_roles(
    standing: Standing,
    statement: SoftwareStatement,
    profile: Profile,
    scopes: Iterable[str] | None,
    findings: Findings,
) -> None:
    if standing.software_roles is None:
        findings.add(ROLES.skipped("the directory lists no roles"))
    else:
        lost = statement.software_roles - standing.software_roles
        findings.settle(
            ROLES, f"the directory does not list {', '.join(sorted(lost))} for the software" if lost else None
        )
    if standing.authorisations is None or not profile.member_states:
        findings.add(AUTHORISED.skipped("no authorisations are compared"))
        return
    authorised = active_roles(standing.authorisations, profile.member_states)
    barred = _barred(statement, profile, authorised, scopes)
    findings.settle(AUTHORISED, f"no regulator authorises {', '.join(barred)}" if barred else None)


def _barred(
    statement: SoftwareStatement, profile: Profile, authorised: frozenset[str], scopes: Iterable[str] | None
) -> list[str]:
    """The statement's roles that are asked for and that nobody authorises. A role without scopes is not asked for."""
    table = profile.metadata.role_scopes
    roles = {role for role in statement.software_roles if table.get(role) or not table}
    if scopes is None:
        return sorted(roles - authorised)
    barred: set[str] = set()
    for scope in scopes:
        # One scope may come from several roles (AISP, CD_AISP): one authorised role is enough.
        allowing = {role for role in roles if scope in table.get(role, ())}
        if allowing and not allowing & authorised:
            barred |= allowing
    return sorted(barred)
