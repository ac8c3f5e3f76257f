"""A client certificate as the gateway passes it on to a server behind it: the counterpart of `forwarded`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from urllib.parse import quote

from dcrgw.core.certificates.forwarded import USUAL, Form


def written(form: Form, chain: Sequence[bytes], *, leaf_header: str | None = None) -> tuple[tuple[str, str], ...]:
    """The header fields that pass a chain (DER, leaf first) on; none for an empty one.

    `leaf_header` is the leaf's header where the server wants another name than the form's usual one.
    Spec: RFC 9440 §2.2, §2.3; `$ssl_client_escaped_cert` of nginx; `ssl_c_der,base64` of HAProxy.
    """
    if not chain:
        return ()
    names = USUAL[form]
    found = [(leaf_header or names.leaf, _WRITERS[form](chain[0]))]
    if names.chain is not None and len(chain) > 1:
        found.append((names.chain, _CHAINS[form](chain[1:])))
    return tuple(found)


def names(form: Form, *, leaf_header: str | None = None) -> frozenset[str]:
    """The lower-case names of the headers that the form is written in."""
    usual = USUAL[form]
    return frozenset(name.lower() for name in (leaf_header or usual.leaf, usual.chain) if name)


def _structured(der: bytes) -> str:
    return f":{b64encode(der).decode()}:"


def _escaped_pem(der: bytes) -> str:
    lines = "\n".join(wrap(b64encode(der).decode(), 64))
    return quote(f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n", safe="")


_WRITERS: Mapping[Form, Callable[[bytes], str]] = {
    Form.RFC9440: _structured,
    Form.NGINX: _escaped_pem,
    Form.HAPROXY: lambda der: b64encode(der).decode(),
}
_CHAINS: Mapping[Form, Callable[[Sequence[bytes]], str]] = {
    Form.RFC9440: lambda chain: ", ".join(_structured(der) for der in chain),
    Form.HAPROXY: lambda chain: b64encode(b"".join(chain)).decode(),
}
#: The forms that can be written.
FORMS = tuple(_WRITERS)
