"""The directory's state: organisations, their software, and everybody's signing keys. In memory, dropped at exit."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from cryptography.x509 import Certificate

from dcrgw.testkit.keys import SigningKey, jwks, transport_jwk

#: The roles that a regulator gives an organisation unless a test says otherwise.
PSD2_ROLES = ("AISP", "PISP", "CBPII")

_BASE62 = string.ascii_letters + string.digits


class UnknownOrganisation(LookupError):
    """The directory knows no such organisation."""


class UnknownSoftware(LookupError):
    """The directory knows no such software."""


def new_org_id() -> str:
    """An organisation id as the OB directory makes them: 18 base62 characters."""
    return "0015800000" + _base62(8)


def new_software_id() -> str:
    """A software id as the OB directory makes them: 22 base62 characters."""
    return _base62(22)


def _base62(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Keys:
    """One party's signing keys: `current` signs, `kept` are published beside it, `retired` are not (newest first)."""

    current: SigningKey
    kept: tuple[SigningKey, ...] = ()
    retired: tuple[SigningKey, ...] = ()

    def rotated(self, new: SigningKey, *, keep_old: bool) -> Keys:
        """The keys after `new` has taken over."""
        if keep_old:
            return Keys(new, (self.current, *self.kept), self.retired)
        return Keys(new, (), (self.current, *self.kept, *self.retired))

    @property
    def last(self) -> SigningKey | None:
        """The key that signed before the current one, published or not."""
        return next(iter((*self.kept, *self.retired)), None)

    @property
    def published(self) -> bytes:
        """The key set document."""
        return jwks(self.current, *self.kept)

    @property
    def revoked(self) -> bytes:
        """The document of keys that must not be trusted any more."""
        return jwks(*self.retired)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One regulated organisation. `roles` are what its competent authority allows."""

    org_id: str
    org_name: str
    roles: tuple[str, ...] = PSD2_ROLES
    status: str = "Active"
    #: The competent authority's number for it, as in PSDGB-FCA-900001.
    registration_id: str = field(default_factory=lambda: str(100_000 + secrets.randbelow(900_000)))
    #: The company behind it, where a directory tells brands from companies.
    legal_entity_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Software:
    """One software product. `document` replaces its key set's bytes when a test published its own."""

    software_id: str
    org_id: str
    keys: Keys
    client_name: str = "Example Accounts"
    roles: tuple[str, ...] = ("AISP", "PISP")
    redirect_uris: tuple[str, ...] = ("https://tpp.example/cb", "https://tpp.example/cb2")
    mode: str = "Test"
    active: bool = True
    document: bytes | None = None
    #: Certificates whose keys the directory took back.
    revoked_certificates: tuple[Certificate, ...] = ()

    @property
    def revoked_key_set(self) -> bytes:
        """The document of its keys that must not be trusted any more, signing and transport keys alike."""
        document = json.loads(self.keys.revoked)
        document["keys"] += [transport_jwk(each) for each in self.revoked_certificates]
        return json.dumps(document).encode()

    @property
    def key_set(self) -> bytes:
        """The bytes that its key set URL serves."""
        return self.keys.published if self.document is None else self.document


@dataclass(slots=True)
class World:
    """Everything that the directory knows. Records are frozen; a change replaces one."""

    #: The exact `iss` of its statements.
    issuer: str
    keys: Keys
    #: Signs statements that pretend to be the directory's.
    foreign_key: SigningKey
    organisations: dict[str, Organisation] = field(default_factory=dict)
    software: dict[str, Software] = field(default_factory=dict)
    _start: tuple[Keys, Mapping[str, Organisation], Mapping[str, Software]] | None = None

    def put_organisation(self, organisation: Organisation) -> Organisation:
        """Enter or replace one organisation."""
        self.organisations[organisation.org_id] = organisation
        return organisation

    def put_software(self, software: Software) -> Software:
        """Enter or replace one software. Raises: UnknownOrganisation."""
        self.organisation(software.org_id)
        self.software[software.software_id] = software
        return software

    def organisation(self, org_id: str) -> Organisation:
        """One organisation. Raises: UnknownOrganisation."""
        try:
            return self.organisations[org_id]
        except KeyError:
            raise UnknownOrganisation(org_id) from None

    def software_of(self, software_id: str) -> Software:
        """One software. Raises: UnknownSoftware."""
        try:
            return self.software[software_id]
        except KeyError:
            raise UnknownSoftware(software_id) from None

    def products_of(self, org_id: str) -> tuple[Software, ...]:
        """The software of one organisation, oldest first."""
        return tuple(software for software in self.software.values() if software.org_id == org_id)

    def rotate_directory(self, new: SigningKey, *, keep_old: bool) -> None:
        """Let a new key sign statements from now on."""
        self.keys = self.keys.rotated(new, keep_old=keep_old)

    def rotate_software(self, software_id: str, new: SigningKey, *, keep_old: bool) -> None:
        """Let a new key sign this software's requests; a document of a test's own gives way to the real one."""
        software = self.software_of(software_id)
        self.software[software_id] = replace(
            software, keys=software.keys.rotated(new, keep_old=keep_old), document=None
        )

    def remember(self) -> None:
        """Make this moment the state that `reset` returns to."""
        self._start = (self.keys, dict(self.organisations), dict(self.software))

    def reset(self) -> None:
        """Return to the remembered state."""
        if self._start is None:
            raise RuntimeError("nothing was remembered")
        keys, organisations, software = self._start
        self.keys, self.organisations, self.software = keys, dict(organisations), dict(software)
