"""Sealing: secrets that must be shown again are kept encrypted, each bound to the row it belongs to.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`: AES-256-GCM with the context as
associated data, so that a secret copied to another client's row does not open there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dcrgw.errors import Misconfigured

KEY_BYTES = 32
_NONCE_BYTES = 12
#: 32 random bytes hold about 30 different ones; one with fewer than this was typed, not drawn.
_FEWEST_DIFFERENT_BYTES = 12

_ALTERED = "a sealed secret does not open: it was altered or moved to another row"
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}=?")


def sealing_key(text: str) -> bytes:
    """The 32 bytes of a configured sealing key, written as 64 hex digits or as 43 characters of base64url.

    Raises: Misconfigured for any other length and for a key that nobody drew at random. Never shows the text.
    """
    text = text.strip()
    if _HEX.fullmatch(text):
        key = bytes.fromhex(text)
    elif _BASE64URL.fullmatch(text):
        key = base64.urlsafe_b64decode(text.rstrip("=") + "=")
    else:
        raise Misconfigured(
            "sealing_key is neither 64 hex digits nor 43 characters of base64url: make one with `openssl rand -hex 32`"
        )
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise Misconfigured("sealing_key repeats itself: make one with `openssl rand -hex 32`")
    return key


def key_id(key: bytes) -> str:
    """A short public name of a key; eight hex digits tell a handful of keys apart and give nothing away."""
    return hashlib.sha256(b"dcrgw sealing key id\0" + key).hexdigest()[:8]


def sealed_by(sealed: bytes) -> str:
    """The id of the key that sealed some octets."""
    return sealed.split(b".", 2)[1].decode("ascii", "replace")


class Sealer:
    """Seals with the first key, opens with any: to rotate, put the new key first and keep the old one behind it."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.renew(keys)

    def renew(self, keys: Sequence[bytes]) -> None:
        """Seal and open with these keys from now on. Raises: Misconfigured, and nothing is changed."""
        if any(len(key) != KEY_BYTES for key in keys):
            raise Misconfigured(f"a sealing key is {KEY_BYTES} bytes long")
        # One assignment: other threads seal and open meanwhile.
        self._keys: tuple[str | None, Mapping[str, AESGCM]] = (
            key_id(keys[0]) if keys else None,
            {key_id(key): AESGCM(key) for key in keys},
        )

    def seal(self, secret: str, context: str) -> str:
        """`secret` encrypted for this context only. Raises: Misconfigured when no key is configured."""
        sealing_id, box = self._locked(secret.encode(), context)
        return f"v1.{sealing_id}.{base64.urlsafe_b64encode(box).decode().rstrip('=')}"

    def seal_octets(self, content: bytes, context: str) -> bytes:
        """The same for long content, without base64url: `v1.<key id>.` and the octets. Raises: Misconfigured."""
        sealing_id, box = self._locked(content, context)
        return f"v1.{sealing_id}.".encode() + box

    def open(self, sealed: str, context: str) -> str:
        """The secret again. Raises: Misconfigured when its key is not configured, or it was altered or moved."""
        version, _, rest = sealed.partition(".")
        sealing_id, _, box_text = rest.partition(".")
        if version != "v1":
            raise Misconfigured("a sealed secret has a form that this version does not know")
        try:
            box = base64.urlsafe_b64decode(box_text + "=" * (-len(box_text) % 4))
        except ValueError as error:
            raise Misconfigured(_ALTERED) from error
        return self._unlocked(sealing_id, box, context).decode()

    def has_key_of(self, sealed: str) -> bool:
        """Whether the key that sealed a secret is among ours."""
        return sealed.split(".", 2)[1] in self._keys[1]

    def open_octets(self, sealed: bytes, context: str) -> bytes:
        """What `seal_octets` sealed. Raises: Misconfigured as `open`."""
        version, _, rest = sealed.partition(b".")
        sealing_id, _, box = rest.partition(b".")
        if version != b"v1":
            raise Misconfigured("sealed content has a form that this version does not know")
        return self._unlocked(sealing_id.decode("ascii", "replace"), box, context)

    def _locked(self, content: bytes, context: str) -> tuple[str, bytes]:
        """(key id, nonce and ciphertext)."""
        sealing_id, ciphers = self._keys
        if sealing_id is None:
            raise Misconfigured("a secret must be kept, but no sealing_key is configured: set storage sealing_key")
        nonce = os.urandom(_NONCE_BYTES)
        return sealing_id, nonce + ciphers[sealing_id].encrypt(nonce, content, _bound(sealing_id, context))

    def _unlocked(self, sealing_id: str, box: bytes, context: str) -> bytes:
        cipher = self._keys[1].get(sealing_id)
        if cipher is None:
            raise Misconfigured(
                f"a secret was sealed with key {sealing_id}, which is not among the configured sealing keys"
            )
        try:
            return cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound(sealing_id, context))
        except (InvalidTag, ValueError) as error:
            raise Misconfigured(_ALTERED) from error


def _bound(key_id: str, context: str) -> bytes:
    return f"v1.{key_id}.{context}".encode()
