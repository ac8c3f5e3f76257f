"""Keys that a script gives: only where the settings say so, a secret only where the profile lists HS256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from small_bank import DIRECTORY_KEY, SOFTWARE_KEY, UK, Bank, only

from dcrgw.core.jose.proving import SharedSecret
from dcrgw.core.market import Market
from dcrgw.errors import Misconfigured, Rejected
from dcrgw.testkit import statements
from dcrgw.testkit.keys import SigningKey, jwks

OTHER = SigningKey.generate("dir-1", "ES256")
SECRET = "a secret that the bank and its directory share"


@dataclass
class Scripted(Bank):
    """A bank whose directory's keys are its script's."""

    by_script: bool = True
    algorithms: frozenset[str] = frozenset({"PS256", "ES256"})

    @property
    def market(self) -> Market:
        plain = super().market
        directories = {
            name: replace(directory, keys_by_script=self.by_script) for name, directory in plain.directories.items()
        }
        statement = replace(plain.profile.statement, algorithms=self.algorithms)
        return replace(plain, directories=directories, profile=replace(plain.profile, statement=statement))


def text(key: SigningKey) -> str:
    return json.dumps(json.loads(jwks(key)))


@pytest.fixture
def bank() -> Scripted:
    made = Scripted(UK)
    made.scripts.served_keys["statement", False] = text(DIRECTORY_KEY)
    return made


async def refused(bank: Bank, body: bytes | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        await bank.register(body)
    assert not bank.registry.clients
    return only(caught.value)[0]


async def test_scripts_keys_prove_the_statement_and_the_softwares_the_request(bank: Scripted) -> None:
    await bank.register()
    assert [(call.of, call.is_shared) for call in bank.scripts.asked_keys] == [("statement", False), ("request", False)]
    assert bank.scripts.asked_keys[0].claims["software_id"] == statements.SOFTWARE_ID
    assert bank.scripts.asked_keys[1].statement is not None


async def test_no_script_is_asked_for_keys_of_another_directory(bank: Scripted) -> None:
    bank.by_script = False
    bank.scripts.served_keys["statement", False] = text(OTHER)
    await bank.register()
    assert bank.scripts.asked_keys == []


@pytest.mark.parametrize("given", ["", "  ", '{"keys": []}'])
async def test_no_key_proves_nothing(given: str, bank: Scripted) -> None:
    bank.scripts.served_keys["statement", False] = given
    assert (await refused(bank)).startswith("statement.jws.")


async def test_foreign_key_of_the_same_kid_proves_nothing(bank: Scripted) -> None:
    bank.scripts.served_keys["statement", False] = text(OTHER)
    assert await refused(bank) == "statement.jws.signature"


@pytest.mark.parametrize("given", ["nonsense", "[]", "{}"])
async def test_keys_that_are_none_are_the_banks_fault(given: str, bank: Scripted) -> None:
    bank.scripts.served_keys["statement", False] = given
    with pytest.raises(Misconfigured):
        await bank.register()


async def test_directory_without_its_script_is_the_banks_fault(bank: Scripted) -> None:
    bank.scripts.served_keys.clear()
    with pytest.raises(Misconfigured):
        await bank.register()


async def test_scripts_request_keys_take_the_place_of_the_softwares(bank: Scripted) -> None:
    bank.scripts.served_keys["request", False] = text(OTHER)
    assert (await refused(bank)).startswith("request.jws.")
    bank.scripts.served_keys["request", False] = text(SOFTWARE_KEY)
    await bank.register()


def hmac_statement(secret: str, **header: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signed = f"{part({'alg': 'HS256', 'kid': 'dir-1', 'typ': 'JWT', **header})}.{part(statements.statement_claims())}"
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_secret_proves_where_the_profile_lists_it(bank: Scripted) -> None:
    bank.algorithms = frozenset({"ES256", "HS256"})
    bank.scripts.served_keys["statement", True] = SECRET
    await bank.register(bank.body(hmac_statement(SECRET)))
    assert bank.scripts.asked_keys[0].is_shared
    await bank.register(bank.body())


@pytest.mark.parametrize("secret", ["another secret that nobody ever agreed upon", SECRET + " "])
async def test_other_secret_proves_nothing(secret: str, bank: Scripted) -> None:
    bank.algorithms = frozenset({"ES256", "HS256"})
    bank.scripts.served_keys["statement", True] = SECRET
    assert await refused(bank, bank.body(hmac_statement(secret))) == "statement.jws.signature"


async def test_secret_is_no_algorithm_of_the_profile_otherwise(bank: Scripted) -> None:
    bank.scripts.served_keys["statement", True] = SECRET
    assert await refused(bank, bank.body(hmac_statement(SECRET))) == "statement.jws.algorithm"
    assert bank.scripts.asked_keys == []


async def test_published_keys_never_prove_a_token_of_a_secret(bank: Scripted) -> None:
    bank.by_script, bank.algorithms = False, frozenset({"ES256", "HS256"})
    for secret in (text(DIRECTORY_KEY), SECRET):
        assert await refused(bank, bank.body(hmac_statement(secret))) == "statement.jws.algorithm"


@pytest.mark.parametrize("given", ["", "short"])
async def test_secret_that_is_none_proves_nothing(given: str, bank: Scripted) -> None:
    bank.algorithms = frozenset({"ES256", "HS256"})
    bank.scripts.served_keys["statement", True] = given
    assert (await refused(bank, bank.body(hmac_statement(given)))).startswith("statement.jws.")


def public_texts() -> list[str]:
    key = DIRECTORY_KEY.private_key.public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    url_safe = base64.urlsafe_b64encode(der).decode().rstrip("=")
    jwk = json.dumps(json.loads(jwks(DIRECTORY_KEY))["keys"][0])
    return [
        pem,
        base64.b64encode(der).decode(),
        url_safe,
        text(DIRECTORY_KEY),
        jwk,
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
    ]


@pytest.mark.parametrize("given", public_texts())
async def test_public_key_is_never_a_secret(given: str, bank: Scripted) -> None:
    bank.algorithms = frozenset({"ES256", "HS256"})
    bank.scripts.served_keys["statement", True] = given
    with pytest.raises(Misconfigured):
        await bank.register(bank.body(hmac_statement(given)))
    assert not bank.registry.clients


def test_secret_is_not_shown() -> None:
    assert SECRET not in repr(SharedSecret(SECRET))
