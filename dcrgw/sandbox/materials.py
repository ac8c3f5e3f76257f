"""What the sandbox leaves in its folder: everything that a TPP, a bank and a test need, and sandbox.json to find it."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from dcrgw.adapters.customers import written
from dcrgw.sandbox import examples, gateway_config
from dcrgw.sandbox.files import Folder
from dcrgw.sandbox.gateway_config import MARKETS, Endpoints, SandboxMarket
from dcrgw.sandbox.parties import Bank, Parties, Person, Tpp
from dcrgw.sandbox.schemes import UK
from dcrgw.sandbox.statements import Naming, Order, mint
from dcrgw.sandbox.world import World

VERSION = 1
INDEX = "sandbox.json"
CONFIG = "dcrgw.toml"
#: The administration's socket file.
ADMIN = "admin.sock"
#: Everything that a sandbox puts into its folder, and what `dcrgw tpp` does; the gateway's log is not of them.
NAMES = (
    INDEX, CONFIG, ADMIN, "ca.pem", "issuing.pem", "transport.pem", "transport.key", "signing.pem", "signing.key",
    "statement.jwt", "statement-generic.jwt", "obwac", "revoked", "brazil", "cdr", "bank", "directory", "upstream",
    "tpp", examples.FOLDER,
)  # fmt: skip


def write_servers(folder: Folder, parties: Parties) -> None:
    """The roots, and the directory's own server certificate: what its listeners need before they have a port."""
    folder.write("ca.pem", parties.authorities.pem)
    folder.write("issuing.pem", parties.authorities.issuing.certificate_pem)
    for community in parties.abroad:
        folder.write(f"{community.name}/ca.pem", community.authorities.pem)
        folder.write(f"{community.name}/issuing.pem", community.authorities.issuing.certificate_pem)
    server = parties.authorities.server()
    folder.write("directory/server.pem", server.chain_pem)
    folder.write_private("directory/server.key", server.key_pem)


def write_parties(folder: Folder, parties: Parties, endpoints: Endpoints) -> None:
    """Certificates, keys and statements of the bank and of every TPP, and the gateway's configuration."""
    _write_bank(folder, parties.bank)
    folder.write_private("bank/customers.toml", "\n".join(written(each.entry) for each in parties.people).encode())
    for place, tpp in (("", parties.default), ("obwac/", parties.obwac), ("revoked/", parties.revoked)):
        _write_tpp(folder, place, tpp)
        for naming in (Naming.OB_UK, Naming.RFC7591):
            _write_statement(folder, place, tpp, naming, parties.world, endpoints.keystore)
    for community in parties.abroad:
        place, namings = f"{community.name}/", {each.naming for each in MARKETS if each.scheme is community.scheme}
        _write_tpp(folder, place, community.tpp)
        for naming in namings:
            keystore = endpoints.abroad[community.name].keystore
            _write_statement(folder, place, community.tpp, naming, community.world, keystore)
    config = gateway_config.render(
        endpoints,
        issuer=parties.world.issuer,
        client_id=parties.bank.software.software_id,
        key_id=parties.bank.software.keys.current.kid,
        audience=parties.bank.organisation.org_id,
    )
    for each in examples.files():
        folder.write(f"{examples.FOLDER}/{each.name}", each.read_bytes())
    folder.write(CONFIG, config.encode())


def write_index(folder: Folder, parties: Parties, endpoints: Endpoints) -> dict[str, Any]:
    """sandbox.json, last of all: whoever finds it finds everything serving."""
    index = sandbox_json(parties, endpoints)
    folder.write(INDEX, json.dumps(index, indent=2).encode() + b"\n")
    return index


def sandbox_json(parties: Parties, endpoints: Endpoints) -> dict[str, Any]:
    """Version 1 (docs/sandbox.md). Names are added, never changed, within a version."""
    default, *_ = MARKETS
    tpps = {UK.name: parties.default, **{community.name: community.tpp for community in parties.abroad}}
    return {
        "version": VERSION,
        **_members(parties, endpoints, default, parties.default, ""),
        "more": {
            "obwac": _members(parties, endpoints, default, parties.obwac, "obwac/"),
            "revoked": _members(parties, endpoints, default, parties.revoked, "revoked/"),
        },
        "customers": [_person(each) for each in parties.people],
        "markets": [
            _members(parties, endpoints, market, tpps[market.scheme.name], market.folder) for market in MARKETS
        ],
    }


def _members(parties: Parties, endpoints: Endpoints, market: SandboxMarket, tpp: Tpp, place: str) -> dict[str, Any]:
    """One TPP in one market: where to register, with what."""
    audience, *_ = market.audiences(parties.bank.organisation.org_id, endpoints.issuer(market))
    return {
        **_gateway(endpoints, market),
        "request_audience": audience,
        "request_media_type": market.media_type,
        "request_metadata": dict(market.metadata),
        "server_ca": "ca.pem",
        "transport_cert": place + "transport.pem",
        "transport_key": place + "transport.key",
        "transport_kind": market.scheme.certificate,
        "transport_subject_dn": market.scheme.subject_dn(tpp.transport),
        "signing_key": place + "signing.key",
        "signing_cert": place + "signing.pem",
        "kid": tpp.software.keys.current.kid,
        "software_id": tpp.software.software_id,
        "org_id": tpp.organisation.org_id,
        "software_statement": place + _statement_file(market.naming),
        "redirect_uris": list(tpp.software.redirect_uris[:1]),
        "scope": market.scope,
        "token_endpoint_auth_methods": list(market.auth_methods),
        "directory_endpoints": {"management": endpoints.management, **_directory(endpoints, market)},
    }


def _directory(endpoints: Endpoints, market: SandboxMarket) -> dict[str, str]:
    """Where the directory of a market is reached, by its kind."""
    abroad = endpoints.abroad.get(market.scheme.name)
    if abroad is not None:
        return {"revocations": abroad.revocations, "jwks": abroad.jwks, "list": abroad.list}
    return {
        "revocations": endpoints.revocations,
        "token": endpoints.token,
        "scim": endpoints.scim,
        "jwks": endpoints.jwks,
    }


def _statement_file(naming: Naming) -> str:
    return "statement-generic.jwt" if naming is Naming.RFC7591 else "statement.jwt"


def _person(person: Person) -> dict[str, str]:
    entry = person.entry
    return {"login": entry.login, "password": person.password, "name": entry.customer.name, "sub": entry.customer.sub}


def _gateway(endpoints: Endpoints, market: SandboxMarket) -> dict[str, Any]:
    """How the gateway is reached. What is not served is not named."""
    base_url, issuer = endpoints.base_url(market), endpoints.issuer(market)
    return {
        "market": market.name,
        "profile": market.profile,
        "directory": market.scheme.name,
        "issuer": issuer,
        "well_known": f"{issuer}/.well-known/openid-configuration",
        "registration_endpoint": f"{base_url}/register",
        "token_endpoint": f"{base_url}/token",
        "health": f"http://127.0.0.1:{endpoints.health}",
        "admin": ADMIN,
    }


def _write_tpp(folder: Folder, place: str, tpp: Tpp) -> None:
    folder.write(place + "transport.pem", tpp.transport.chain_pem)
    folder.write_private(place + "transport.key", tpp.transport.key_pem)
    folder.write(place + "signing.pem", tpp.signing.chain_pem)
    folder.write_private(place + "signing.key", tpp.software.keys.current.pem)


def _write_statement(folder: Folder, place: str, tpp: Tpp, naming: Naming, world: World, keystore: str) -> None:
    minted = mint(world, Order(tpp.software.software_id, naming), keystore=keystore, at=time.time())
    folder.write(place + _statement_file(naming), minted.statement.encode())


def _write_bank(folder: Folder, bank: Bank) -> None:
    password = secrets.token_urlsafe(24)
    folder.write_private("bank/transport.password", password.encode())
    folder.write_private("bank/transport.p12", bank.transport.pkcs12(password.encode()))
    folder.write("bank/signing.pem", bank.signing.chain_pem)
    folder.write_private("bank/signing.key", bank.software.keys.current.pem)
    folder.write("bank/server.pem", bank.server.chain_pem)
    folder.write_private("bank/server.key", bank.server.key_pem)
    folder.write_private("bank/sealing.key", secrets.token_hex(32).encode())
