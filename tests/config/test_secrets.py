"""Secrets are referred to, read late, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bank_configuration import CANARY
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.config.secrets import MAX_SECRET_BYTES, Kind, SecretReference, SecretUnresolved, too_open
from dcrgw.errors import Misconfigured


def unresolved(reference: SecretReference) -> SecretUnresolved:
    with pytest.raises(SecretUnresolved) as caught:
        reference.resolve()
    assert isinstance(caught.value, Misconfigured)
    assert caught.value.fix
    assert CANARY not in str(caught.value)
    return caught.value


def test_an_environment_variable_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretReference.parse("env:DCRGW_TEST_SECRET")
    unresolved(reference)
    monkeypatch.setenv("DCRGW_TEST_SECRET", CANARY)
    assert reference.resolve().get_secret_value() == CANARY
    monkeypatch.setenv("DCRGW_TEST_SECRET", "")
    unresolved(reference)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_is_read_without_its_last_newline(tmp_path: Path, ending: str) -> None:
    (tmp_path / "secret").write_bytes(f" {CANARY} {ending}".encode())
    assert SecretReference.parse("file:secret", tmp_path).resolve().get_secret_value() == f" {CANARY} "
    assert SecretReference.parse(f"file:{tmp_path / 'secret'}").resolve().get_secret_value() == f" {CANARY} "


def test_a_rotated_file_is_seen(tmp_path: Path) -> None:
    reference = SecretReference.parse("file:secret", tmp_path)
    for secret in ("one", "two"):
        (tmp_path / "secret").write_text(secret)
        assert reference.resolve().get_secret_value() == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * (MAX_SECRET_BYTES + 1)])
def test_a_file_without_a_usable_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    unresolved(SecretReference.parse("file:secret", tmp_path))


def test_a_file_that_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("none", ".", "fifo"):
        unresolved(SecretReference.parse(f"file:{name}", tmp_path))


def test_a_systemd_credential_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretReference.parse("credential:sealing")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "CREDENTIALS_DIRECTORY" in str(unresolved(reference))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    unresolved(reference)
    (tmp_path / "sealing").write_text(f"{CANARY}\n")
    assert reference.resolve().get_secret_value() == CANARY


@pytest.mark.parametrize("text", ["env:", "env:a b", "env:1A", "file:", "file:a\0b", "credential:", "credential:../x"])
def test_a_reference_to_nowhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=":"):
        SecretReference.parse(text)


def test_a_literal_is_never_shown() -> None:
    reference = SecretReference.parse(CANARY)
    assert reference.is_literal
    assert CANARY not in f"{reference} {reference!r} {[reference]} {reference.resolve()!r} {reference.resolve()}"
    assert reference.resolve().get_secret_value() == CANARY


@given(text=st.text(max_size=40))
def test_any_text_is_a_reference_or_a_literal_or_refused(text: str) -> None:
    try:
        reference = SecretReference.parse(text)
    except ValueError:
        assert text.startswith(("env:", "file:", "credential:"))
        return
    assert (reference.kind is Kind.LITERAL) != (str(reference) == text) or text == str(reference)


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o660, True)]
)
def test_a_file_that_others_may_read_is_too_open(tmp_path: Path, mode: int, is_open: bool) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(mode)
    assert (too_open(path) is not None) is is_open


@pytest.mark.parametrize(("mode", "is_open"), [(0o440, False), (0o640, False), (0o660, True), (0o644, True)])
def test_root_may_lend_a_file_to_our_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, is_open: bool
) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(mode)
    if path.stat().st_uid != 0:
        pytest.skip("only root can make a file of root's")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (too_open(path) is not None) is is_open


def test_a_missing_file_is_not_open(tmp_path: Path) -> None:
    assert too_open(tmp_path / "none") is None
