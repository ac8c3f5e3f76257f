"""`dcrgw tpp register` from end to end, against a real TLS server."""

import asyncio
import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from dcrgw.cli import main
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import jwks

POLICY = JosePolicy(frozenset({"PS256"}))


@pytest.fixture
def options(bank, files) -> dict[str, str]:
    return {
        "--registration-endpoint": bank.url,
        "--cert": str(files["transport.pem"]),
        "--key": str(files["transport.key"]),
        "--server-ca": str(files["ca.pem"]),
        "--signing-key": str(files["signing.key"]),
        "--kid": "sig-1",
        "--ssa": str(files["statement.jwt"]),
        "--audience": "bank-1",
        "--request-file": str(files["request.jwt"]),
    }


async def register(options: dict[str, str | None], *more: str):
    arguments = [word for name, value in options.items() if value is not None for word in (name, value)]
    return await asyncio.to_thread(CliRunner().invoke, main, ["tpp", "register", *arguments, *more])


async def test_a_client_is_registered(bank, files, options):
    done = await register(options)
    assert done.exit_code == 0, done.output
    assert '"client_id": "c1"' in done.output
    (arrived,) = bank.arrived
    token = read(arrived.body, POLICY)
    verify(token, key_set(jwks(files.signing_key)), POLICY)
    said = claims(token.payload)
    assert said["aud"] == "bank-1"
    assert said["exp"] - said["iat"] == 300
    assert said["tls_client_auth_subject_dn"] == files.transport.subject_dn
    assert said["redirect_uris"] == ["https://tpp.example/cb", "https://tpp.example/cb2"]
    assert arrived.headers["Content-Type"] == "application/jose"
    assert arrived.certificate == files.transport.der
    assert files["request.jwt"].read_bytes() == arrived.body


async def test_each_request_has_its_own_jti(bank, options):
    for _ in range(2):
        await register(options)
    first, second = (claims(read(arrived.body, POLICY).payload)["jti"] for arrived in bank.arrived)
    assert first != second


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
async def test_the_printed_curl_command_sends_the_same(bank, files, options):
    done = await register(options)
    command = done.output.partition("\n\n")[0]
    shown = await asyncio.to_thread(subprocess.run, ["sh", "-c", command], capture_output=True, text=True, check=True)
    assert '"client_id"' in shown.stdout
    ours, curls = bank.arrived
    assert (ours.body, ours.certificate) == (curls.body, curls.certificate)
    for name in ("Content-Type", "Accept", "x-fapi-interaction-id"):
        assert ours.headers[name] == curls.headers[name]


async def test_a_refusal_names_every_failing_check(bank, options):
    bank.status = 400
    bank.answer = {
        "error": "invalid_client_metadata",
        "error_description": "a",
        "errors": [{"check": "rules.a", "description": "a", "spec": "1"}, {"check": "rules.b", "spec": "RFC 2"}],
    }
    done = await register(options)
    assert done.exit_code == 1
    for part in ("invalid_client_metadata", "rules.a", "rules.b", "RFC 2"):
        assert part in done.output


@pytest.mark.parametrize("status", [200, 302, 401, 500, 503])
async def test_any_answer_but_201_is_a_refusal(bank, options, status):
    bank.status = status
    assert (await register(options)).exit_code == 1


async def test_claims_and_options_shape_the_request(bank, options):
    await register(
        options,
        *("--redirect-uri", "https://a/cb", "--redirect-uri", "https://b/cb"),
        *("--scope", "openid", "--auth-method", "private_key_jwt"),
        *("--claim", "exp=1", "--claim", "iss=some text", "--claim", 'response_types=["code"]', "--claim", "jti"),
        *("--media-type", "application/jwt", "--alg", "PS256"),
    )
    (arrived,) = bank.arrived
    said = claims(read(arrived.body, POLICY).payload)
    assert said["redirect_uris"] == ["https://a/cb", "https://b/cb"]
    assert (said["scope"], said["exp"], said["iss"], said["response_types"]) == ("openid", 1, "some text", ["code"])
    assert said["token_endpoint_auth_signing_alg"] == "PS256"
    assert "jti" not in said
    assert arrived.headers["Content-Type"] == "application/jwt"


async def test_plain_json_is_sent_unsigned(bank, options):
    unsigned = {**options, "--ssa": None, "--signing-key": None, "--kid": None, "--audience": None}
    done = await register(unsigned, "--json", "--redirect-uri", "https://a/cb", "--claim", "client_name=Example")
    assert done.exit_code == 0, done.output
    (arrived,) = bank.arrived
    said = json.loads(arrived.body)
    assert said["client_name"] == "Example"
    assert "software_statement" not in said
    assert arrived.headers["Content-Type"] == "application/json"


async def test_a_key_store_replaces_certificate_and_key(bank, files, options, monkeypatch):
    monkeypatch.setenv("TPP_PASSWORD", "s3cr3t")
    store = {**options, "--cert": None, "--key": None, "--pkcs12": str(files["transport.p12"])}
    done = await register(store, "--password", "env:TPP_PASSWORD")
    assert done.exit_code == 0, done.output
    assert "s3cr3t" not in done.output
    assert bank.arrived[0].certificate == files.transport.der


async def test_a_dry_run_shows_everything_and_sends_nothing(bank, files, options):
    done = await register(options, "--dry-run")
    assert done.exit_code == 0, done.output
    for part in ('"alg": "PS256"', '"kid": "sig-1"', '"aud": "bank-1"', '"kid": "dir-1"', '"software_roles"', "curl "):
        assert part in done.output
    assert files["request.jwt"].exists()
    assert not bank.arrived


async def test_a_missing_client_certificate_says_what_to_do(bank, options):
    done = await register({**options, "--cert": None, "--key": None})
    assert done.exit_code == 3
    assert "--cert" in done.stderr
    assert not bank.arrived


async def test_an_unreachable_bank_has_its_own_exit_status(options):
    done = await register({**options, "--registration-endpoint": "https://127.0.0.1:1/register"})
    assert done.exit_code == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"--registration-endpoint": None},
        {"--ssa": None},
        {"--kid": None},
        {"--audience": None},
        {"--signing-key": None},
        {"--ssa": "absent"},
        {"--signing-key": "absent"},
        {"--cert": "absent"},
        {"--alg": "none"},
        {"--alg": "ES256"},
        {"--password": "s3cr3t"},
        {"--market": "uk"},
        {"--sandbox": "absent"},
        {"--claim": "exp=NaN"},
        {"--request-file": "/dev/null/request.jwt"},
    ],
    ids=str,
)
async def test_wrong_usage_has_its_own_exit_status_and_sends_nothing(changes, bank, options):
    done = await register({**options, **changes})
    assert done.exit_code == 2, done.output
    assert "s3cr3t" not in done.output
    assert not bank.arrived


async def test_a_file_that_holds_no_statement_is_wrong_usage(bank, files, options):
    for content in (b"no statement", b"\xff", b"a.b.c"):
        (files.folder / "statement.jwt").write_bytes(content)
        assert (await register(options)).exit_code == 2
    assert not bank.arrived


async def test_a_sandbox_knows_everything_and_options_win(bank, files):
    index = {
        "version": 1,
        "registration_endpoint": bank.url,
        "request_audience": "bank-1",
        "server_ca": "ca.pem",
        "transport_cert": "transport.pem",
        "transport_key": "transport.key",
        "signing_key": "signing.key",
        "kid": "sig-1",
        "software_statement": "statement.jwt",
        "redirect_uris": ["https://tpp.example/cb"],
        "scope": "openid accounts",
        "token_endpoint_auth_methods": ["tls_client_auth"],
        "more": {"renamed": {"kid": "sig-2"}},
    }
    (files.folder / "sandbox.json").write_text(json.dumps(index))
    done = await register({"--sandbox": str(files.folder), "--as": "renamed"}, "--scope", "openid")
    assert done.exit_code == 0, done.output
    token = read(bank.arrived[0].body, POLICY)
    assert token.header.kid == "sig-2"
    assert claims(token.payload)["scope"] == "openid"
    assert (files.folder / "tpp/registration-request.jwt").exists()
