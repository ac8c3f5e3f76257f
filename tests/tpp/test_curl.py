"""The request as a curl command."""

import itertools
import shlex
import subprocess
from pathlib import Path

import pytest

from dcrgw.tpp import curl
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.curl import Left

OUTGOING = Outgoing(
    "https://localhost:1/register?a=b&c",
    b"{}",
    "application/jose",
    headers={"x-a": "it's"},
    secret_headers={"Authorization": "Bearer s3cr3t"},
)
LEFT = Left(Path("a body.jwt"), Path("some headers"))


def words(transport: Transport, server_ca: Path | None = None) -> list[str]:
    return shlex.split(curl.command(OUTGOING, transport, server_ca, LEFT).replace("\\\n", ""))


def test_everything_of_the_request_stands_in_the_command():
    said = words(Transport(Path("my cert.pem"), Path("c.key")), Path("ca.pem"))
    assert said[0] == "curl"
    assert said[-1] == OUTGOING.url
    pairs = list(itertools.pairwise(said))
    for pair in (
        ("--request", "POST"),
        ("--cert", "my cert.pem"),
        ("--key", "c.key"),
        ("--cacert", "ca.pem"),
        ("--header", "Content-Type: application/jose"),
        ("--header", "Accept: application/json"),
        ("--header", "x-a: it's"),
        ("--header", "@some headers"),
        ("--data-binary", "@a body.jwt"),
    ):
        assert pair in pairs


def test_without_certificate_and_ca_none_is_named():
    said = words(Transport())
    assert not {"--cert", "--key", "--cacert", "--pass"} & set(said)


def test_what_proves_who_we_are_stands_in_files_alone():
    command = curl.command(OUTGOING, Transport(), None, LEFT)
    assert "s3cr3t" not in command
    assert "s3cr3t" not in repr(OUTGOING)


def test_a_request_without_a_body_sends_none():
    command = curl.command(Outgoing("https://localhost:1/", method="GET"), Transport(), None, Left())
    assert "--data" not in command
    assert "Content-Type" not in command


@pytest.mark.parametrize("reference", ["env:TPP_PASSWORD", "file:{}"])
def test_a_password_is_found_by_the_shell_and_stands_nowhere(reference, tmp_path):
    (tmp_path / "pass word").write_bytes(b"s3cr3t it\nrest")
    reference = reference.format(tmp_path / "pass word")
    command = curl.command(OUTGOING, Transport(pkcs12=Path("t.p12"), password=reference), None, Left(Path("b")))
    assert "s3cr3t" not in command
    shown = subprocess.run(
        ["sh", "-c", command.replace("curl ", "printf '%s\\n' ", 1)],
        env={"TPP_PASSWORD": "s3cr3t it", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert shown[shown.index("--pass") + 1] == "s3cr3t it"
    assert shown[shown.index("--cert-type") + 1] == "P12"
