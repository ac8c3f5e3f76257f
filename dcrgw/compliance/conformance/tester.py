"""Who tests, and which bank: read from the tester's own file, or from a running sandbox's sandbox.json."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dcrgw.compliance.conformance import signing
from dcrgw.compliance.conformance.pack import Management
from dcrgw.core import strict_json
from dcrgw.core.jose.signing import PrivateKey
from dcrgw.tpp import credentials
from dcrgw.tpp.credentials import CredentialsUnusable, Transport
from dcrgw.tpp.management import is_bearer
from dcrgw.tpp.setup import Setup

VERSION = 1


class TesterUnusable(ValueError):
    """The tester's file cannot be used. The message names the place."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BankTable(_Table):
    """`[bank]`: whom to test, as far as `--against` does not say."""

    registration_endpoint: str | None = None
    token_endpoint: str | None = None
    issuer: str | None = None
    well_known: str | None = None
    server_ca: Path | None = None
    #: The bank's name in a request's `aud`; else its issuer.
    audience: str | None = None
    #: Who may register there needs this token (RFC 7591 §3): env:NAME, or file:PATH.
    initial_access_token: str | None = None
    #: By which token its clients manage their registrations, where that is not as the standard has it.
    management: Management | None = None
    #: Scope of the token that manages a registration.
    token_scope: str | None = None
    #: The media type of requests, of those that the standard allows.
    media_type: str | None = None
    #: What this bank wants in every right request, and what it does not.
    claims: dict[str, Any] = {}
    without: tuple[str, ...] = ()


class PartyTable(_Table):
    """`[tpp]` and `[other]`: what one TPP holds. Files are relative to the file that names them."""

    certificate: Path | None = None
    key: Path | None = None
    pkcs12: Path | None = None
    password: str | None = None
    signing_key: Path | None = None
    kid: str | None = None
    alg: str | None = None
    statement: Path | None = None
    software_id: str | None = None
    org_id: str | None = None
    redirect_uris: tuple[str, ...] = ()
    scope: str | None = None
    subject_dn: str | None = None


class HookTable(_Table):
    """`[hook]`: who makes statements and certificates to order: a command, or a URL."""

    command: tuple[str, ...] = ()
    url: str | None = None
    makes: tuple[str, ...] = ("statements",)
    #: Members of every order: such as the market, or the kind of certificate.
    statement: dict[str, Any] = {}
    certificate: dict[str, Any] = {}
    #: What makes a certificate another TPP's, where the tester has no `[other]`.
    other: dict[str, Any] = {}


class TesterFile(_Table):
    """The whole file."""

    version: int
    bank: BankTable = BankTable()
    tpp: PartyTable
    other: PartyTable | None = None
    hook: HookTable | None = None


@dataclass(frozen=True)
class Party:
    """One TPP. Reading its files may raise CredentialsUnusable."""

    table: PartyTable
    bank: BankTable

    @cached_property
    def transport(self) -> Transport:
        """Its certificate and key on a connection."""
        return Transport(self.table.certificate, self.table.key, self.table.pkcs12, self.table.password)

    @cached_property
    def key(self) -> PrivateKey | None:
        """The key that signs its requests."""
        if self.table.signing_key is None:
            return None
        return credentials.signing_key(self.table.signing_key, credentials.secret(self.table.password))

    @property
    def alg(self) -> str:
        """The algorithm that it signs with."""
        return self.table.alg or (credentials.usual_algorithm(self.key) if self.key else "PS256")

    @cached_property
    def statement(self) -> str | None:
        """Its software statement's text."""
        if self.table.statement is None:
            return None
        try:
            return self.table.statement.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise CredentialsUnusable(f"{self.table.statement} cannot be read as a software statement") from None

    @cached_property
    def initial_access_token(self) -> str | None:
        """What lets it register at this bank. Raises: CredentialsUnusable."""
        token = credentials.secret(self.bank.initial_access_token)
        if token is not None and not is_bearer(token.decode("latin-1")):
            raise CredentialsUnusable("the initial access token is none that can be sent (RFC 6750 section 2.1)")
        return None if token is None else token.decode("ascii")

    def setup(self) -> Setup:
        """The same for the requests of a registered client."""
        return Setup(
            registration_endpoint=self.bank.registration_endpoint,
            token_endpoint=self.bank.token_endpoint,
            issuer=self.bank.issuer,
            well_known=self.bank.well_known,
            transport=self.transport,
            server_ca=self.bank.server_ca,
            opened_key=self.key,
            kid=self.table.kid,
            alg=self.table.alg,
        )


@dataclass(frozen=True, slots=True)
class Tester:
    """The tester's TPP, perhaps another one of another organisation, and the hook."""

    own: Party
    other: Party | None = None
    hook: HookTable | None = field(default=None)

    def against(self, url: str) -> Tester:
        """The same against another bank: a registration endpoint, or the URL of a discovery document."""
        named = "well_known" if "/.well-known/" in url else "registration_endpoint"
        gone = {"registration_endpoint": None, "token_endpoint": None, "issuer": None, "well_known": None}
        # A registration endpoint alone leaves the rest as the file says; a document says all of it.
        changes: dict[str, Any] = {**(gone if named == "well_known" else {}), named: url}
        return self._moved(self.own.bank.model_copy(update=changes))

    def knowing(self, **found: str | None) -> Tester:
        """The same with what the bank's discovery document adds."""
        bank = self.own.bank
        known = {name: value for name, value in found.items() if value and not getattr(bank, name)}
        return self._moved(bank.model_copy(update=known))

    def _moved(self, bank: BankTable) -> Tester:
        other = replace(self.other, bank=bank) if self.other else None
        return replace(self, own=replace(self.own, bank=bank), other=other)


def load(path: Path, *, profile: str = "", market: str | None = None, others: Sequence[str] = ()) -> Tester:
    """The tester of a file; of a sandbox the market that is named, else the first of the profile.

    `others` are profiles that are meant besides: no one market of a sandbox is theirs too. Raises: TesterUnusable.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TesterUnusable(f"{path} cannot be read: {error.strerror}") from None
    if content.lstrip().startswith(b"{"):
        if others and market is None:
            named = ", ".join((profile, *others))
            raise TesterUnusable(
                f"requests of several profiles ({named}) are for several markets: name one by --market"
            )
        return _of_sandbox(path, content, profile, market)
    try:
        described = TesterFile.model_validate(tomllib.loads(content.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TesterUnusable(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise TesterUnusable(f"{path}: {_first(error)}") from None
    if described.version != VERSION:
        raise TesterUnusable(f"{path} is not of version {VERSION}")
    folder = path.parent
    bank = _placed(described.bank, folder)
    own, other = _placed(described.tpp, folder), described.other
    return Tester(Party(own, bank), Party(_placed(other, folder), bank) if other else None, described.hook)


def _of_sandbox(path: Path, content: bytes, profile: str, market: str | None) -> Tester:
    try:
        index: dict[str, Any] = strict_json.loads_object(content)
    except strict_json.JsonRefused:
        raise TesterUnusable(f"{path} cannot be read as sandbox.json") from None
    markets = [each for each in index.get("markets", []) if isinstance(each, dict)]
    chosen = [each for each in markets if market in (None, each["market"])]
    chosen = [each for each in chosen if market or not profile or each["profile"] == profile]
    if index.get("version") != VERSION or not chosen:
        raise TesterUnusable(f"{path} has no market {market or f'of the profile {profile}'}")
    entry = chosen[0]
    bank = _placed(
        BankTable(
            audience=entry["request_audience"],
            registration_endpoint=entry.get("registration_endpoint"),
            token_endpoint=entry.get("token_endpoint"),
            issuer=entry.get("issuer"),
            well_known=entry.get("well_known"),
            server_ca=entry.get("server_ca"),
        ),
        path.parent,
    )
    # Another TPP of the same directory.
    other = index.get("more", {}).get("obwac") if entry["directory"] == index["directory"] else None
    hook = HookTable(
        url=entry["directory_endpoints"]["management"],
        makes=("statements", "certificates"),
        statement={"market": entry["market"], "software_id": entry["software_id"]},
        certificate={
            "market": entry["market"],
            "kind": entry["transport_kind"],
            "software_id": entry["software_id"],
        },
        other={"subject": "UID=4d0ba7a4-2a4e-4d4c-9f4b-0c8c1e2f3a4b,CN=elsewhere.example,O=Another TPP,C=BR"},
    )
    parties = [Party(_placed(_party(each), path.parent), bank) for each in (entry, other) if each]
    return Tester(parties[0], parties[1] if len(parties) > 1 else None, hook)


#: Members of a party's table under other names in sandbox.json.
_NAMES = {
    "transport_cert": "certificate",
    "transport_key": "key",
    "software_statement": "statement",
    "transport_subject_dn": "subject_dn",
}


def _party(entry: dict[str, Any]) -> PartyTable:
    named = {_NAMES.get(name, name): value for name, value in entry.items()}
    return PartyTable.model_validate({name: value for name, value in named.items() if name in PartyTable.model_fields})


T = TypeVar("T", bound=_Table)


def _placed(table: T, folder: Path) -> T:
    """The table with its files below the folder."""
    changes = {name: folder / value for name, value in table if isinstance(value, Path)}
    return table.model_copy(update=changes)


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def statement_claims(text: str) -> dict[str, Any]:
    """What a statement says, believed by nobody; empty for what cannot be read."""
    return signing.parts(text)[1]
