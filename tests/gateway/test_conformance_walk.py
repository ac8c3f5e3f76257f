"""The public conformance suite of OB UK DCR 3.2, 3.3 and 3.4, played against the sandbox request by request.

3.1 is played by the same scenarios with its own names.

The player knows what a tester would put into that suite's configuration: members of sandbox.json and the files they
name. It shares no code with the gateway: tokens are made by another library, and what it does is what the suite does,
down to assertions without a key id and updates as application/jwt. Scenarios carry the suite's own ids.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from town import Reply, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILES = ("uk-3.2", "uk-3.3", "uk-3.4")
#: The version before them has names of its own; one method each way is enough to see that the rest is the same.
OLDEST = "uk-3.1"
#: Those that the suite can follow.
METHODS = ("tls_client_auth", "private_key_jwt", "client_secret_jwt", "client_secret_basic")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HALF_AN_HOUR, HOUR = 1_800, 3_600


@dataclass(frozen=True)
class Suite:
    """One run's configuration. `alg` signs requests and assertions alike."""

    http: aiohttp.ClientSession
    folder: Path
    index: dict[str, Any]
    method: str
    discovery: dict[str, Any] = field(default_factory=dict)
    alg: str = "PS256"
    issuer: str = ""
    lifetime_s: int = HOUR
    response_types: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str:
        return str(self.discovery["registration_endpoint"])

    def read(self, name: str) -> str:
        return (self.folder / self.index[name]).read_text().strip()

    def sign(self, claims: dict[str, Any], *, kid: str | None) -> str:
        header = {"alg": self.alg, "typ": "JWT"} | ({"kid": kid} if kid else {})
        payload = json.dumps(claims, separators=(",", ":"))
        return jws.serialize_compact(header, payload, RSAKey.import_key(self.read("signing_key")), [self.alg])

    def request(self) -> str:
        now = int(time.time())
        algorithms = self.discovery.get("request_object_signing_alg_values_supported") or ["none"]
        claims: dict[str, Any] = {
            "aud": self.index["request_audience"],
            "exp": now + self.lifetime_s,
            "jti": str(uuid4()),
            "iat": now,
            "iss": self.issuer,
            "grant_types": ["authorization_code", "client_credentials"],
            "application_type": "web",
            "redirect_uris": self.index["redirect_uris"],
            "token_endpoint_auth_method": self.method,
            "software_statement": self.read("software_statement"),
            "scope": "accounts openid",
            "request_object_signing_alg": algorithms[0],
            "id_token_signed_response_alg": self.alg,
        }
        if self.response_types:
            claims["response_types"] = list(self.response_types)
        if self.method == "tls_client_auth":
            name = "tls_client_auth_dn" if self.index["profile"] == "obuk-3.1" else "tls_client_auth_subject_dn"
            claims[name] = self.index["transport_subject_dn"]
        if self.index["profile"] == "obuk-3.1":
            claims["scope"] = claims["scope"].split(" ")
        if self.method in ("private_key_jwt", "client_secret_jwt") or self.index["profile"] == "obuk-3.1":
            claims["token_endpoint_auth_signing_alg"] = self.alg
        return self.sign(claims, kid=self.index["kid"])

    async def ask(self, method: str, url: str, body: Any = None, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, data=body, headers=sent) as answer:
            raw = await answer.read()
            return Reply(answer.status, dict(answer.headers), json.loads(raw) if raw else {})

    async def register(self) -> Reply:
        return await self.ask(
            "POST", self.endpoint, self.request(), Content_Type="application/jose", Accept="application/json"
        )

    async def client(self) -> Client:
        reply = await self.register()
        assert reply.status == 201, reply.body
        return Client(self, reply.body["client_id"], reply.body.get("client_secret", ""))


@dataclass
class Client:
    """A registered client, with the token that it got last."""

    suite: Suite
    client_id: str
    secret: str
    token: str = ""

    @property
    def url(self) -> str:
        return f"{self.suite.endpoint}/{self.client_id}"

    async def grant(self) -> None:
        """The client credentials grant, by the registered method."""
        form = {"grant_type": "client_credentials", "scope": "openid"}
        headers = {}
        if self.suite.method == "tls_client_auth":
            form["client_id"] = self.client_id
        elif self.suite.method == "client_secret_basic":
            pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        else:
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        reply = await self.suite.ask("POST", self.suite.discovery["token_endpoint"], form, **headers)
        assert reply.status == 200, reply.body
        assert isinstance(reply.body["expires_in"], int)
        self.token = reply.body["access_token"]

    def assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.suite.discovery["token_endpoint"],
            "iat": now,
            "exp": now + HALF_AN_HOUR,
            "jti": str(uuid4()),
        }
        if self.suite.method == "private_key_jwt":
            return self.suite.sign(claims, kid=None)
        header = {"alg": "HS256", "typ": "JWT"}
        return jws.serialize_compact(header, json.dumps(claims), OctKey.import_key(self.secret), ["HS256"])

    async def manage(self, method: str, body: str | None = None, **headers: str) -> Reply:
        return await self.suite.ask(method, self.url, body, Authorization=f"Bearer {self.token}", **headers)

    async def retrieve(self) -> Reply:
        return await self.manage("GET")

    async def update(self, media_type: str = "application/jwt") -> Reply:
        return await self.manage("PUT", self.suite.request(), Content_Type=media_type, Accept="application/json")

    async def delete(self) -> None:
        reply = await self.manage("DELETE")
        assert (reply.status, reply.body) == (204, {})


async def dcr_001(suite: Suite) -> None:
    """The discovery document names a registration endpoint that is a URL."""
    assert urlsplit(suite.endpoint).scheme == "https"
    assert urlsplit(suite.discovery["token_endpoint"]).scheme == "https"
    assert suite.method in suite.discovery["token_endpoint_auth_methods_supported"]
    assert suite.alg in suite.discovery["token_endpoint_auth_signing_alg_values_supported"]


async def dcr_002(suite: Suite) -> None:
    """A client is registered, gets a token, and is deleted."""
    client = await suite.client()
    await client.grant()
    await client.delete()


async def dcr_003(suite: Suite) -> None:
    """A deleted client cannot be read."""
    client = await suite.client()
    await client.grant()
    await client.delete()
    assert_unauthorized(await client.retrieve())


async def dcr_004(suite: Suite) -> None:
    """Expired, of another issuer, of none, of one too long, or signed by RS256: each a 400 with one of the codes."""
    for wrong in (
        replace(suite, lifetime_s=-HOUR),
        replace(suite, issuer="foo.is/invalid"),
        replace(suite, issuer=""),
        replace(suite, issuer="123456789012345678901234567890"),
        replace(suite, alg="RS256"),
    ):
        reply = await wrong.register()
        assert reply.status == 400
        assert reply.body["error"] in ("invalid_client_metadata", "invalid_software_statement")
        assert 1 <= len(reply.body["error_description"]) <= 500


async def dcr_005(suite: Suite) -> None:
    """What is read is of the schema."""
    client = await suite.client()
    await client.grant()
    reply = await client.retrieve()
    assert reply.status == 200
    assert faults(reply.body, suite.index["profile"]) == []
    assert reply.body["client_id"] == client.client_id
    await client.delete()


async def dcr_007(suite: Suite) -> None:
    """With an empty token nothing is read; the client lives on."""
    client = await suite.client()
    reply = await client.retrieve()
    assert_unauthorized(reply)
    await client.grant()
    await client.delete()


async def dcr_008(suite: Suite) -> None:
    """A client is updated by a fresh request, with either media type."""
    client = await suite.client()
    await client.grant()
    for media_type in ("application/jwt", "application/jose"):
        assert (await client.update(media_type)).status == 200
    await client.delete()


async def dcr_009(suite: Suite) -> None:
    """A deleted client cannot be updated."""
    client = await suite.client()
    await client.grant()
    await client.delete()
    assert_unauthorized(await client.update())


async def dcr_010(suite: Suite) -> None:
    """A deleted client gets no token any more."""
    client = await suite.client()
    await client.grant()
    await client.delete()
    assert_unauthorized(await client.retrieve())
    with pytest.raises(AssertionError, match="invalid_client"):
        await client.grant()


async def dcr_011(suite: Suite) -> None:
    """Response types that the standard does not have are refused, with a body that is JSON."""
    reply = await replace(suite, response_types=("id_token", "token")).register()
    assert reply.status == 400
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.body["error"] == "invalid_client_metadata"


Scenario = Callable[[Suite], Awaitable[None]]
SCENARIOS: tuple[Scenario, ...] = (
    dcr_001, dcr_002, dcr_003, dcr_004, dcr_005, dcr_007, dcr_008, dcr_009, dcr_010, dcr_011,
)  # fmt: skip


def assert_unauthorized(reply: Reply) -> None:
    assert reply.status == 401, reply.body
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def faults(body: dict[str, Any], profile: str) -> list[str]:
    """Members of a client information response that are not of the suite's schema."""
    later = profile != "obuk-3.2"
    last = profile == "obuk-3.4"
    grants = {"client_credentials", "authorization_code", "refresh_token"}
    grants |= {"urn:openid:params:grant-type:ciba"} if later else set()
    grants |= {"urn:ietf:params:oauth:grant-type:jwt-bearer"} if last else set()
    text: dict[str, tuple[bool, str]] = {
        "client_id": (True, r".{1,36}"),
        "client_secret": (False, r".{1,36}"),
        "token_endpoint_auth_method": (True, r"private_key_jwt|client_secret_(jwt|basic|post)|tls_client_auth"),
        "software_id": (False, r"[0-9a-zA-Z]{1,22}"),
        "scope": (True, r".{1,256}"),
        "software_statement": (True, r"[\w-]+\.[\w-]+\.[\w-]+"),
        "application_type": (True, r"web|native" if last else r"web|mobile"),
        "id_token_signed_response_alg": (True, r".{1,5}"),
        "request_object_signing_alg": (True, r".{1,5}"),
        "token_endpoint_auth_signing_alg": (str(body["token_endpoint_auth_method"]).endswith("_jwt"), r".{1,5}"),
        "tls_client_auth_subject_dn": (
            body["token_endpoint_auth_method"] == "tls_client_auth",
            r"(?=.{1,512}$)[Cc][Nn]=[^,]+(?:,[^,\s]+=[^,]+)*" if last else r".{1,128}",
        ),
    }
    found = [
        name
        for name, (needed, pattern) in text.items()
        if (needed and name not in body) or (name in body and not re.fullmatch(pattern, body[name]))
    ]
    found += [uri for uri in body["redirect_uris"] if not re.fullmatch(r"https://(?!localhost|127\.)[^#]+", uri)]
    found += sorted(set(body["grant_types"]) - grants)
    found += sorted(set(body.get("response_types", [])) - {"code", "code id_token"})
    times = ("client_id_issued_at", "client_secret_expires_at")
    return found + [name for name in times if name in body and type(body[name]) is not int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(town: Town) -> AsyncIterator[aiohttp.ClientSession]:
    index = town.index()
    tls = ssl.create_default_context(cafile=str(town.folder / index["server_ca"]))
    tls.load_cert_chain(town.folder / index["transport_cert"], town.folder / index["transport_key"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session


async def configured(
    town: Town, http: aiohttp.ClientSession, market: str, method: str, tpp: str | None = None
) -> Suite:
    index = json.loads((town.folder / "sandbox.json").read_text())
    chosen = next(each for each in index["markets"] if each["market"] == market)
    async with http.get(chosen["well_known"]) as answer:
        assert answer.status == 200
        return Suite(http, town.folder, chosen, method, await answer.json(), issuer=chosen["software_id"])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("market", PROFILES)
async def test_the_suite_passes(
    town: Town, http: aiohttp.ClientSession, market: str, method: str, scenario: Scenario
) -> None:
    await scenario(await configured(town, http, market, method))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("method", ["tls_client_auth", "private_key_jwt"])
async def test_the_scenarios_pass_with_the_oldest_versions_names(
    town: Town, http: aiohttp.ClientSession, method: str, scenario: Scenario
) -> None:
    await scenario(await configured(town, http, OLDEST, method))


async def test_the_oldest_version_answers_a_subject_under_its_own_name_too(
    town: Town, http: aiohttp.ClientSession
) -> None:
    reply = await (await configured(town, http, OLDEST, "tls_client_auth")).register()
    assert reply.body["tls_client_auth_dn"] == reply.body["tls_client_auth_subject_dn"]
    assert reply.body["scope"] == "accounts openid"


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3"])
async def test_a_subject_in_object_identifiers_is_the_same_subject(
    town: Town, http: aiohttp.ClientSession, market: str
) -> None:
    suite = await configured(town, http, market, "tls_client_auth")
    names = {"CN": "2.5.4.3", "OU": "2.5.4.11", "O": "2.5.4.10", "C": "2.5.4.6"}
    parts = [part.split("=") for part in suite.index["transport_subject_dn"].split(",")]
    dotted = ",".join(f"{names[name]}={value}" for name, value in parts)
    client = await replace(suite, index={**suite.index, "transport_subject_dn": dotted}).client()
    await client.grant()
    await client.delete()
