"""`dcrgw doctor header` says what a proxy passes on, and never shows it."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from urllib.parse import quote

from dcrgw.cli.doctor import told
from dcrgw.testkit.certificates import CertificateAuthority

ISSUED = CertificateAuthority.create("Root").issue(software_id="sw-1", org_id="org-1", key_type="p256")
PEM = quote(ISSUED.certificate_pem.decode(), safe="")


def test_form_that_reads_is_named() -> None:
    lines = list(told({"x-ssl-client-cert": [PEM]}))
    assert any("reads as nginx: 1 certificate(s)" in line and "sw-1" in line for line in lines)
    assert PEM not in "".join(lines)


def test_form_that_does_not_read_says_why() -> None:
    lines = list(told({"client-cert": [PEM]}))
    assert any(line.startswith("  not rfc9440: ") for line in lines)


def test_header_that_comes_twice_reads_as_nothing() -> None:
    assert not any("reads as" in line for line in told({"x-ssl-client-cert": [PEM, PEM]}))


def test_header_of_another_name_is_looked_at_too() -> None:
    assert any("reads as nginx" in line for line in told({"x-mine": [PEM]}, "X-Mine"))


def test_nothing_is_said_to_be_nothing() -> None:
    (line,) = told({"host": ["x"]})
    assert line.startswith("none of ")


def test_one_request_is_waited_for() -> None:
    command = [sys.executable, "-m", "dcrgw", "doctor", "header", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        asked = urllib.request.Request(url, headers={"X-SSL-Client-Cert": PEM})
        with urllib.request.urlopen(asked, timeout=120) as answer:
            assert answer.read() == b"seen\n"
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "reads as nginx" in output


def test_long_chain_is_read_and_what_cannot_be_read_is_told_without_a_traceback() -> None:
    command = [sys.executable, "-m", "dcrgw", "doctor", "header", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        port = int(url.rstrip("/").rpartition(":")[2])
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\na: " + b"x" * 200_000):
            with (
                suppress(ConnectionError),  # it may hang up before it has read all
                socket.create_connection(("127.0.0.1", port), timeout=60) as proxy,
            ):
                proxy.sendall(garbage + b"\r\n\r\n")
                proxy.recv(1)
        asked = urllib.request.Request(url, headers={"X-SSL-Client-Cert": PEM, "X-Long": "x" * 60_000})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.read() == b"seen\n"
        output, told_of = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "reads as nginx" in output
    assert "Traceback" not in told_of
    assert told_of.count("cannot be read") >= 2
    assert "TLS" in told_of
    assert "x" * 20 not in told_of
