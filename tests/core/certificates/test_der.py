"""The small DER reader takes only what has one reading; qualified statements are read with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates import qcstatements
from dcrgw.core.certificates.der import DerRefused, elements, only
from dcrgw.testkit.certificate_kinds import KINDS, qualified
from dcrgw.testkit.der import SEQUENCE, UTF8, oid, tlv

WEB = qualified(KINDS["qwac"], ["PSP_PI", "PSP_AI"])[0][0].public_bytes()


@settings(max_examples=100)
@given(st.binary(max_size=400), st.binary(max_size=5))
def test_elements_are_read_back(first: bytes, second: bytes) -> None:
    assert elements(tlv(UTF8, first) + tlv(SEQUENCE, second)) == [(UTF8, first), (SEQUENCE, second)]


@pytest.mark.parametrize("run", ["0c", "0c02aa", "0c80", "0c8101aa", "0c820001aa", "0c84ffffffff", "1f0100", "0c81"])
def test_what_is_not_shortest_definite_der_is_refused(run: str) -> None:
    with pytest.raises(DerRefused):
        elements(bytes.fromhex(run))


def test_only_takes_no_second_element() -> None:
    with pytest.raises(DerRefused):
        only(tlv(UTF8, b"a") * 2, UTF8)


def test_qualified_statements_say_type_roles_and_authority() -> None:
    assert qcstatements.read(WEB) == qcstatements.QcStatements(
        frozenset({"web"}), ("PSP_PI", "PSP_AI"), "Financial Conduct Authority", "GB-FCA", is_qualified=True
    )


def test_unknown_statements_are_passed_over() -> None:
    unknown = tlv(SEQUENCE, oid("1.2.3.4"), tlv(UTF8, b"x"))
    assert qcstatements.read(tlv(SEQUENCE, unknown)) == qcstatements.QcStatements()


@pytest.mark.parametrize(
    "statement",
    [b"", tlv(UTF8, b"x"), tlv(SEQUENCE, oid("0.4.0.1862.1.6")), tlv(SEQUENCE, oid("0.4.0.19495.2"), tlv(SEQUENCE))],
)
def test_broken_statements_are_refused(statement: bytes) -> None:
    with pytest.raises(DerRefused):
        qcstatements.read(tlv(SEQUENCE, tlv(SEQUENCE, statement)))


@settings(max_examples=200)
@given(st.integers(0, len(WEB) - 1), st.integers(0, 255), st.integers(0, len(WEB)))
def test_mutated_statements_are_read_or_refused(position: int, octet: int, end: int) -> None:
    mutated = bytearray(WEB)
    mutated[position] = octet
    for octets in (bytes(mutated), WEB[:end]):
        try:
            assert isinstance(qcstatements.read(octets), qcstatements.QcStatements)
        except DerRefused:
            continue
