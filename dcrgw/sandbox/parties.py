"""Who is in the sandbox: a bank, a TPP in good standing, one with an OBWAC, and one that the directory revoked."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from dcrgw.adapters.customers import Entry
from dcrgw.adapters.passwords import Cost, hashed
from dcrgw.core.authorization.interaction import Customer
from dcrgw.core.jose.keys import key_set
from dcrgw.sandbox.authorities import Authorities
from dcrgw.sandbox.schemes import ABROAD, UK, Scheme
from dcrgw.sandbox.token import BankClient, Caller
from dcrgw.sandbox.world import Keys, Organisation, Software, World, new_org_id, new_software_id
from dcrgw.testkit.certificates import Issued
from dcrgw.testkit.keys import SigningKey, jwks

#: The bank's customers: login name and name.
PEOPLE = (("mia", "Mia Example"), ("joao", "João Exemplo"))
#: A start should not wait for what guards nothing.
_COST = Cost(14, 8, 1)


@dataclass(frozen=True, slots=True)
class Tpp:
    """A TPP with one software product, its transport certificate, and the certificate of its signing key."""

    organisation: Organisation
    software: Software
    transport: Issued
    signing: Issued


@dataclass(frozen=True, slots=True)
class Bank:
    """The gateway's owner: who it is at the directory, and what its servers and requests prove that with."""

    organisation: Organisation
    software: Software
    transport: Issued
    signing: Issued
    server: Issued

    @property
    def client(self) -> BankClient:
        """The bank as the directory's token URL knows it."""
        # Without `alg`, since a bank may sign its assertion with RS256 as well as with PS256.
        key = self.software.keys.current.public_jwk(alg=None)
        return BankClient(self.software.software_id, key_set(jwks(key)), frozenset({Caller(self.transport.der).digest}))


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the bank, with the password that only a sandbox would tell."""

    entry: Entry
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Community:
    """Another trust framework with all that is its own: its directory's world, its authorities, its TPP."""

    scheme: Scheme
    world: World
    authorities: Authorities
    tpp: Tpp

    @property
    def name(self) -> str:
        """Its directory's name, and the folder of its files."""
        return self.scheme.name


@dataclass(frozen=True, slots=True)
class Parties:
    """Everybody: the first directory's parties, the bank among them, and the communities of the others."""

    world: World
    authorities: Authorities
    bank: Bank
    default: Tpp
    obwac: Tpp
    revoked: Tpp
    people: tuple[Person, ...]
    abroad: tuple[Community, ...] = ()


def assemble(revocations: str = "") -> Parties:
    """Fresh parties with fresh keys; `revoked` is still active, so that its statement can be minted.

    `revocations` is the base URL at which the authorities publish what they took back.
    """
    authorities = Authorities.create(revocations)
    names = ["dir-1", "dir-0", "foreign", "bank-1", "sig-1", "sig-1", "sig-1"]
    names += ["dir-1", "dir-0", "foreign", "sig-1"] * len(ABROAD)
    # Most of a start is finding primes, which leaves the interpreter free.
    with ThreadPoolExecutor() as pool:
        keys = pool.map(SigningKey.generate, names)
        world = World(UK.issuer, Keys(next(keys), retired=(next(keys),)), next(keys))
        bank = _bank(world, authorities, next(keys))
        default = _tpp(UK, world, authorities, next(keys), "Example")
        obwac = _tpp(replace(UK, certificate="obwac"), world, authorities, next(keys), "Qualified")
        revoked = _tpp(UK, world, authorities, next(keys), "Lapsed")
        abroad = tuple(_community(scheme, keys, revocations) for scheme in ABROAD)
    people = tuple(_person(*each) for each in PEOPLE)
    return Parties(world, authorities, bank, default, obwac, revoked, people, abroad)


def revoke(world: World, tpp: Tpp) -> None:
    """The directory takes back an organisation's authorisation; statements it gave out before live on."""
    world.put_organisation(replace(tpp.organisation, status="Revoked"))


def _community(scheme: Scheme, keys: Iterator[SigningKey], revocations: str) -> Community:
    """A trust framework of its own: nothing in it is signed by anybody of another."""
    published = f"{revocations}/{scheme.name}" if revocations else ""
    authorities = Authorities.create(published, f"dcrgw sandbox {scheme.name}")
    world = World(scheme.issuer, Keys(next(keys), retired=(next(keys),)), next(keys))
    return Community(scheme, world, authorities, _tpp(scheme, world, authorities, next(keys), "Example"))


def _tpp(scheme: Scheme, world: World, authorities: Authorities, key: SigningKey, name: str) -> Tpp:
    organisation = new_organisation(scheme, world, f"{name} TPP Ltd")
    software = new_software(scheme, world, organisation, key, f"{name} Accounts")
    return Tpp(
        organisation,
        software,
        authorities.issue(scheme.certificate, software, organisation),
        authorities.issue(scheme.signing_certificate, software, organisation, key=key.private_key),
    )


def new_organisation(scheme: Scheme, world: World, name: str) -> Organisation:
    """An organisation as the scheme's directory enters it."""
    return world.put_organisation(Organisation(scheme.new_org_id(), name, scheme.organisation_roles))


def new_software(scheme: Scheme, world: World, organisation: Organisation, key: SigningKey, name: str) -> Software:
    """A software product as the scheme's directory enters it."""
    return world.put_software(
        Software(scheme.new_software_id(), organisation.org_id, Keys(key), name, roles=scheme.roles)
    )


def _person(login: str, name: str) -> Person:
    password = secrets.token_hex(4)
    return Person(Entry(login, Customer(f"sandbox-{login}", name), hashed(password, _COST)), password)


def _bank(world: World, authorities: Authorities, key: SigningKey) -> Bank:
    organisation = world.put_organisation(Organisation(new_org_id(), "Example Bank plc", roles=("ASPSP",)))
    software = world.put_software(
        Software(new_software_id(), organisation.org_id, Keys(key), "Example Bank", roles=("ASPSP",), redirect_uris=())
    )
    return Bank(
        organisation,
        software,
        authorities.issue("obtransport", software, organisation),
        authorities.issue("obsigning", software, organisation, key=key.private_key),
        authorities.server(),
    )
