"""Who is in the sandbox: a bank, a TPP in good standing, one with an OBWAC, and one that the directory revoked."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from dcrgw.adapters.customers import Entry
from dcrgw.adapters.passwords import Cost, hashed
from dcrgw.core.authorization.interaction import Customer
from dcrgw.core.jose.keys import key_set
from dcrgw.sandbox.authorities import Authorities
from dcrgw.sandbox.token import BankClient, Caller
from dcrgw.sandbox.world import Keys, Organisation, Software, World, new_org_id, new_software_id
from dcrgw.testkit.certificates import Issued
from dcrgw.testkit.keys import SigningKey, jwks

ISSUER = "OpenBanking Ltd"
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
class Parties:
    """Everybody, in a world of their own."""

    world: World
    authorities: Authorities
    bank: Bank
    default: Tpp
    obwac: Tpp
    revoked: Tpp
    people: tuple[Person, ...]


def assemble(revocations: str = "") -> Parties:
    """Fresh parties with fresh keys; `revoked` is still active, so that its statement can be minted.

    `revocations` is the base URL at which the authorities publish what they took back.
    """
    authorities = Authorities.create(revocations)
    names = ["dir-1", "dir-0", "foreign", "bank-1", "sig-1", "sig-1", "sig-1"]
    # Most of a start is finding primes, which leaves the interpreter free.
    with ThreadPoolExecutor() as pool:
        keys = pool.map(SigningKey.generate, names)
        world = World(ISSUER, Keys(next(keys), retired=(next(keys),)), next(keys))
        bank = _bank(world, authorities, next(keys))
        default = _tpp(world, authorities, next(keys), "obtransport", "Example")
        obwac = _tpp(world, authorities, next(keys), "obwac", "Qualified")
        revoked = _tpp(world, authorities, next(keys), "obtransport", "Lapsed")
    people = tuple(_person(*each) for each in PEOPLE)
    return Parties(world, authorities, bank, default, obwac, revoked, people)


def revoke(world: World, tpp: Tpp) -> None:
    """The directory takes back an organisation's authorisation; statements it gave out before live on."""
    world.put_organisation(replace(tpp.organisation, status="Revoked"))


def _tpp(world: World, authorities: Authorities, key: SigningKey, kind: str, name: str) -> Tpp:
    organisation = world.put_organisation(Organisation(new_org_id(), f"{name} TPP Ltd"))
    software = world.put_software(Software(new_software_id(), organisation.org_id, Keys(key), f"{name} Accounts"))
    return Tpp(
        organisation,
        software,
        authorities.issue(kind, software, organisation),
        authorities.issue("obsigning", software, organisation, key=key.private_key),
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
