"""The directory's word on a TPP: is the organisation active, is the software, in which roles."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.core.registration.statement import Authorisation


@dataclass(frozen=True, slots=True)
class Standing:
    """What the directory says now. `found` False: the directory knows no such software in that organisation.

    `observed_at` is epoch seconds of the directory's answer; `source` the URL that was asked.
    """

    found: bool
    org_id: str | None
    software_id: str
    organisation_active: bool
    software_active: bool
    software_roles: frozenset[str] | None
    authorisations: tuple[Authorisation, ...] | None
    observed_at: float
    source: str
