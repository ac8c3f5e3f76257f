"""What the sandbox's tests share: one TPP, one bank, and how to speak to a running directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from dcrgw.sandbox.directory import TOKEN
from dcrgw.sandbox.token import ASSERTION_TYPE
from dcrgw.sandbox.traffic import Traffic
from dcrgw.sandbox.world import World
from dcrgw.testkit.keys import SigningKey

ORG, SOFTWARE = "0015800000TPPAAAA1", "4Zq1m8TnS8xQe7YtB0bK9a"
BANK = "BANKSW0000000000000001"
URL = "https://localhost:1" + TOKEN
NOW = 1_795_000_000.0


def assertion(
    key: SigningKey, *, at: float = NOW, url: str = URL, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A right assertion but for `changes`; None leaves a claim out."""
    claims = {"iss": BANK, "sub": BANK, "aud": url, "jti": str(uuid4()), "iat": int(at), "exp": int(at) + 60, **changes}
    return key.sign({name: value for name, value in claims.items() if value is not None}, header=header)


def token_form(client_assertion: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": BANK,
        "scope": "ASPSPReadAccess TPPReadAccess",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client_assertion,
        **changes,
    }


@dataclass
class Running:
    """A served directory and how to reach it."""

    world: World
    traffic: Traffic
    key_sets: str
    bank: str
    management: str
    public: aiohttp.ClientSession
    as_bank: aiohttp.ClientSession
    bank_key: SigningKey

    async def token(self) -> str:
        form = token_form(assertion(self.bank_key, at=NOW, url=self.bank + TOKEN))
        async with self.as_bank.post(self.bank + TOKEN, data=form) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["access_token"])

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.public.request(method, self.management + path, json=body) as answer:
            return answer.status, await answer.json()
