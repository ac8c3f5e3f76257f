"""What is written for a server behind us is what the reader of the same form reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.certificates.forwarded import USUAL, Form, read
from dcrgw.core.certificates.forwarding import FORMS, names, written


def _der(content: bytes) -> bytes:
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


_CERTIFICATES = st.binary(min_size=256, max_size=600).map(_der)


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(_CERTIFICATES, min_size=1, max_size=3))
def test_a_chain_that_was_written_is_read_again(form: Form, chain: list[bytes]) -> None:
    fields = dict(written(form, chain))
    usual = USUAL[form]
    chains = [fields[usual.chain]] if usual.chain in fields else []
    found = read(form, [fields[usual.leaf]], chains)
    assert found == tuple(chain if usual.chain else chain[:1])
    assert all(value.isascii() and value.isprintable() for value in fields.values())


def test_no_certificate_is_no_field() -> None:
    assert written(Form.RFC9440, ()) == ()


def test_the_leafs_header_may_have_another_name() -> None:
    fields = written(Form.NGINX, [_der(b"a" * 300)], leaf_header="ssl-client-cert")
    assert [name for name, _ in fields] == ["ssl-client-cert"]
    assert names(Form.NGINX, leaf_header="SSL-Client-Cert") == {"ssl-client-cert"}
