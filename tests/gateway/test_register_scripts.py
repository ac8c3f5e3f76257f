"""The bank's scripts at the end of the whole way: what they may do, and what they may not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from town import UK, Reply, Town, running

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.errors import GatewayError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHIPPED = Path(__file__).parents[2] / "config/scripts/client_registration.py"

SKELETON = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def updateClient(self, context):
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
{body}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town whose tests choose the scripts."""
    async with running(tmp_path_factory.mktemp("scripted")) as opened:
        yield opened


async def play(town: Town, *bodies: str, **more: Any) -> Reply:
    """The answer to a right request when the bank has scripts whose createClient has these bodies, in this order."""
    files = []
    for n, body in enumerate(bodies):
        file = town.folder / f"script{n}.py"
        file.write_text(SKELETON.format(body="\n".join(f"        {line}" for line in body.splitlines())))
        files.append(file)
    await load(town, *files)
    return await town.post(await town.body(**more))


async def load(town: Town, *files: Path, markets: Sequence[str] = (), **properties: str) -> None:
    """Start the gateway anew with scripts of these markets, or of all."""
    text = json.dumps
    said = ", ".join(f"{name} = {text(value)}" for name, value in properties.items())
    sections = "".join(
        f'\n[[script]]\ntype = "client_registration"\nname = "s{n}"\nfile = {text(str(file))}\nlevel = {9 - n}\n'
        f"markets = {text(markets)}\nproperties = {{ {said} }}\n"
        for n, file in enumerate(files)
    )
    town.edit = lambda plain: plain + sections
    await town.start()


def stored(town: Town, client_id: str) -> str:
    """Everything that the registry holds of a client, as text."""
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        (document,) = db.execute("SELECT document FROM clients WHERE client_id = ?", (client_id,)).fetchone()
    return document


async def test_a_script_enriches_what_is_stored_and_answered(scripted: Town) -> None:
    reply = await play(
        scripted,
        'context.client.client_name = "Enriched"\ncontext.client.attributes["risk"] = "s3cr3t-low"\nreturn True',
        'context.client.client_name = context.client.client_name + " twice"\nreturn True',
    )
    assert reply.status == 201, reply.body
    assert reply.body["client_name"] == "Enriched twice"
    assert "s3cr3t-low" in stored(scripted, reply.body["client_id"])
    assert "s3cr3t-low" not in json.dumps(reply.body)
    assert "attributes" not in reply.body


async def test_a_script_may_narrow_the_scope(scripted: Town) -> None:
    reply = await play(scripted, 'context.client.setScopes(["openid", "accounts"])\nreturn True')
    assert (reply.status, reply.body["scope"]) == (201, "openid accounts")


REFUSALS = {
    "with its own words": (
        'context.reject("invalid_redirect_uri", "not this one")',
        (400, "invalid_redirect_uri", "not this one"),
    ),
    "with its own status": (
        'context.reject("unapproved_software_statement", "blocked", 403)',
        (403, "unapproved_software_statement", "blocked"),
    ),
    "with words that no header takes": (
        'context.reject("invalid_client_metadata", "a\\r\\n\\"b\\" \\u00e9")',
        (400, "invalid_client_metadata", "a???b? ?"),
    ),
    "with False": ("return False", (400, "unapproved_software_statement", None)),
    "in the seeds' words": (
        'said = \'{"error": "invalid_software_statement", "error_description": "no"}\'\n'
        "context.createWebApplicationException(400, said)\nreturn True",
        (400, "invalid_software_statement", "no"),
    ),
}


@pytest.mark.parametrize(("body", "expected"), REFUSALS.values(), ids=REFUSALS)
async def test_a_script_refuses(scripted: Town, body: str, expected: tuple[int, str, str | None]) -> None:
    before = scripted.clients()
    reply = await play(scripted, body)
    status, code, words = expected
    assert (reply.status, reply.body["error"], reply.checks) == (status, code, ["script.consent"]), reply.body
    assert words is None or reply.body["error_description"] == words
    assert scripted.clients() == before


async def test_the_first_no_ends_it(scripted: Town) -> None:
    reply = await play(scripted, "return False", 'raise RuntimeError("never reached")')
    assert (reply.status, reply.checks) == (400, ["script.consent"])


FAULTY = {
    "raises": 'raise RuntimeError("s3cr3t-detail")',
    "exits": "import sys\nsys.exit(0)",
    "raises what is no Exception": "raise KeyboardInterrupt",
    "returns 1": "return 1",
    "returns a text": 'return "true"',
    "returns None": "pass",
    "returns an object": "return context",
    "names no member": 'context.client.redirect_uri = "x"\nreturn True',
    "leaves what is no JSON": "context.client.attributes['x'] = object()\nreturn True",
    "a redirect URI outside the statement": 'context.client.redirect_uris = ["https://evil.example/cb"]\nreturn True',
    "a scope outside the roles": 'context.client.scope = "openid fundsconfirmations"\nreturn True',
    "a client_id with a slash": 'context.client.client_id = "../x"\nreturn True',
    "an empty client_id": 'context.client.client_id = ""\nreturn True',
    "a client_id that is no text": "context.client.client_id = 7\nreturn True",
    "an unknown code": 'context.reject("access_denied", "x")',
    "a status that is no refusal": 'context.reject("invalid_redirect_uri", "x", 200)',
}


@pytest.mark.parametrize("body", FAULTY.values(), ids=FAULTY)
async def test_a_faulty_script_is_the_bank_s_fault_and_nothing_is_stored(scripted: Town, body: str) -> None:
    town, before = scripted, (scripted.clients(), scripted.used())
    reply = await play(
        town, f'if context.client.scope != "openid accounts":\n    return True\n{body}', scope="openid accounts"
    )
    assert (reply.status, reply.body["error"]) == (500, "server_error"), reply.body
    assert set(reply.body) == {"error", "error_description", "report"}
    assert "s0" not in json.dumps(reply.body)
    assert "s3cr3t" not in json.dumps(reply.body)
    assert (town.clients(), town.used()) == before
    report = await town.manage("GET", "/reports/last")
    assert report["decision"] == "misconfigured"
    assert "s0" in report["facts"]["failure"]
    # The next request is none the worse for it.
    assert (await town.post(await town.body())).status == 201


async def test_what_a_script_changes_beside_the_client_counts_for_nothing(scripted: Town) -> None:
    """A statement, an identity and a request are values: a script has its own copies, or cannot change them."""
    reply = await play(
        scripted,
        "try:\n    context.register_request.metadata['scope'] = 'x'\nexcept Exception:\n    pass\n"
        "try:\n    context.identity.common_name = 'x'\nexcept Exception:\n    pass\nreturn True",
    )
    assert (reply.status, reply.body["scope"]) == (201, "openid accounts payments")


async def test_a_client_id_that_a_script_chose_twice_is_refused_by_name(scripted: Town) -> None:
    town = scripted
    await load(town, SHIPPED, introspectionScript="token-claims", clientIdFromCertificate="true")
    first = await town.post(await town.body())
    assert (first.status, first.body["client_id"]) == (201, town.index()["software_id"])
    before = (town.clients(), town.used())
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (400, ["registry.client_id.free"])
    assert (town.clients(), town.used()) == before
    # Another market is another registry of names.
    assert (await town.post(await town.body("uk-3.3"), "uk-3.3")).status == 201


async def test_the_shipped_script_enriches_and_refuses(scripted: Town) -> None:
    town = scripted
    await load(town, SHIPPED, introspectionScript="token-claims")
    reply = await town.post(await town.body())
    assert reply.status == 201, reply.body
    document = stored(town, reply.body["client_id"])
    for word in ("trusted", "token-claims", "run_introspection_script_before_jwt_creation"):
        assert word in document
        assert word not in json.dumps(reply.body)
    await load(town, SHIPPED, introspectionScript="token-claims", refusedOrganisations=town.index()["org_id"])
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (400, ["script.consent"])
    assert reply.body["error"] == "unapproved_software_statement"
    assert (await town.post(await town.body(tpp="obwac"), UK, "obwac")).status == 201


BAD_FILES = {
    "a syntax error": "class ClientRegistration(:\n",
    "Python 2": 'print "x"\n',
    "no class": "x = 1\n",
    "an import that fails": "import there_is_no_such_module\n",
    "init says no": SKELETON.format(body="        return True").replace("return True", "return False", 1),
    "init raises": SKELETON.format(body="        return True").replace("return True", "raise ValueError", 1),
}


@pytest.mark.parametrize("source", BAD_FILES.values(), ids=BAD_FILES)
async def test_a_gateway_with_a_broken_script_does_not_start(scripted: Town, source: str) -> None:
    file = scripted.folder / "broken.py"
    file.write_text(source)
    with pytest.raises((GatewayError, ConfigurationRefused)) as caught:
        await load(scripted, file)
    assert "s0" in str(caught.value) or "script[0]" in str(caught.value) or "broken.py" in str(caught.value)
    assert scripted.gateway is None


async def test_scripts_of_another_market_are_not_asked(scripted: Town) -> None:
    town = scripted
    file = town.folder / "other.py"
    file.write_text(SKELETON.format(body="        return False"))
    await load(town, file, markets=["uk-3.3"])
    assert (await town.post(await town.body())).status == 201
    assert (await town.post(await town.body("uk-3.3"), "uk-3.3")).status == 400
