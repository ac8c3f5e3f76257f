"""docs/examples/upstreams/oidc-provider without a gateway in front: whom it lets in, and what it believes."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.upstream import Program, UpstreamUnusable
from dcrgw.testkit.certificates import CertificateAuthority

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKET = "uk-3.2"


@dataclass(frozen=True)
class House:
    """A server that runs, and the files of those who know each other."""

    session: Session
    http: aiohttp.ClientSession

    def tls(self, pair: str | None) -> ssl.SSLContext:
        folder = self.session.folder.path
        context = ssl.create_default_context(cafile=str(folder / "upstream/ca.pem"))
        if pair is not None:
            context.load_cert_chain(folder / f"{pair}.pem", folder / f"{pair}.key")
        return context

    async def ask(
        self, method: str, path: str, pair: str | None = "upstream/gateway", **how: Any
    ) -> tuple[int, dict[str, Any]]:
        url = f"https://localhost:{self.session.endpoints.upstream}/{MARKET}/{path}"
        async with self.http.request(method, url, ssl=self.tls(pair), **how) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else {}

    async def register(self, name: str, token: str | None = None, **members: Any) -> tuple[int, dict[str, Any]]:
        token = token or (self.session.folder.path / "upstream/registration.token").read_text()
        headers = {"Authorization": f"Bearer {token}", "x-dcrgw-client-id": name}
        wanted = {"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [], **members}
        return await self.ask("POST", "reg", headers=headers, json=wanted)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(oidc_provider: Program, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("alone")
    async with (
        session(folder, Ports(), lambda _: None, oidc_provider) as opened,
        opened.upstream.running(),
        aiohttp.ClientSession() as http,
    ):
        yield House(opened, http)


@pytest.mark.parametrize("pair", [None, "transport", "upstream/asking"])
async def test_nobody_but_the_gateway_is_answered(house: House, pair: str | None) -> None:
    status, _ = await house.ask("GET", ".well-known/openid-configuration", pair)
    assert status == 403


async def test_its_issuer_is_the_gateways_public_url(house: House) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "as.bank.example"}
    status, found = await house.ask("GET", ".well-known/openid-configuration", headers=headers)
    assert status == 200
    assert found["issuer"] == f"https://localhost:{house.session.endpoints.public}/{MARKET}"
    assert found["token_endpoint"] == f"https://as.bank.example/{MARKET}/token"


async def test_registration_needs_the_gateways_token_and_takes_its_name(house: House) -> None:
    wanted = {"token_endpoint_auth_method": "client_secret_basic", "client_name": "A TPP"}
    assert (await house.register("chosen-1", "another", **wanted))[0] == 401
    status, found = await house.register("chosen-1", **wanted)
    assert (status, found["client_id"], len(found["client_secret"])) == (201, "chosen-1", 32)


async def test_client_is_known_by_the_certificate_that_the_gateway_passes_on(house: House) -> None:
    tpp, other = house.session.parties.default.transport, house.session.parties.obwac.transport
    wanted = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": tpp.subject_dn}
    bound = {"tls_client_certificate_bound_access_tokens": True}
    assert (await house.register("named-1", **wanted, **bound))[0] == 201
    form = {"grant_type": "client_credentials", "client_id": "named-1", "scope": "accounts"}
    for shown, expected in ((passed_on(tpp.der), 200), (passed_on(other.der), 401), (None, 401), ("AAAA", 400)):
        headers = {} if shown is None else {"Client-Cert": shown}
        status, found = await house.ask("POST", "token", data=form, headers=headers)
        assert status == expected, (shown, found)


def passed_on(der: bytes) -> str:
    """RFC 9440 §2.2."""
    return f":{base64.b64encode(der).decode()}:"


async def test_names_are_the_same_in_every_spelling(house: House) -> None:
    parties, root = house.session.parties, CertificateAuthority.create("names")
    kinds = ("obtransport", "obwac", "brcac", "brseal", "cdr")
    spelled = r"CN=a\,b\+c,OU=x  Y,2.5.4.97=#0c03505344,O=Ünïcode\20Ltd,C=GB"
    issued = [
        *(root.issue(kind, software_id="soft-1", org_id="org-1") for kind in kinds),
        root.issue("obtransport", subject=spelled),
    ]
    texts = [each.subject_dn for each in issued]
    right = [(each, text) for each, text in zip(issued, texts, strict=True)]
    right += [(issued[0], ",".join(reversed(texts[0].split(",")))), (issued[0], texts[0].replace(",", " , "))]
    right += [(issued[0], texts[0].replace("CN=", "2.5.4.3=").lower()), (issued[-1], spelled)]
    wrong = [(issued[0], text) for text in (*texts[1:], "", "CN=soft-1", texts[0].removesuffix(",C=GB"))]
    wrong += [(parties.obwac.transport, parties.default.transport.subject_dn)]
    found = named(house.session.upstream.program, [*right, *wrong])
    assert found == [True] * len(right) + [False] * len(wrong)


def named(program: Program, pairs: list[tuple[Any, str]]) -> list[bool]:
    """What names.mjs says of certificates and texts; it is given the subject by Node, as the server is."""
    shown = json.dumps([[each.certificate_pem.decode(), text] for each, text in pairs])
    code = (
        "import { X509Certificate } from 'node:crypto';"
        f"import {{ isSameName }} from '{(program.folder / 'names.mjs').as_uri()}';"
        f"const pairs = {shown};"
        "const same = ([pem, text]) => isSameName(new X509Certificate(pem).subject, text);"
        "console.log(JSON.stringify(pairs.map(same)));"
    )
    command = [program.node, "--input-type=module", "--eval", code]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)


async def test_server_that_does_not_start_is_told_with_its_last_words(oidc_provider: Program, tmp_path: Path) -> None:
    async with session(tmp_path, Ports(), lambda _: None, oidc_provider) as opened:
        (tmp_path / "upstream/server.key").unlink()
        with pytest.raises(UpstreamUnusable, match=r"server\.key"):
            await opened.upstream.start()


async def test_it_ends_when_nobody_holds_its_input_any_more(house: House, tmp_path: Path) -> None:
    config = json.loads((house.session.folder.path / "upstream/config.json").read_text())
    config["listen"]["port"] = 0
    place = house.session.folder.path / "upstream/second.json"
    place.write_text(json.dumps(config))
    program = house.session.upstream.program
    process = await asyncio.create_subprocess_exec(
        program.node, str(program.folder / "server.mjs"), str(place), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert (await process.stdout.readline()).startswith(b"ready")
        process.stdin.close()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
