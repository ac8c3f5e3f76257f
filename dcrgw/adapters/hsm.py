"""Signature keys that stay in a hardware security module, over PKCS#11 (the package python-pkcs11, extra `pkcs11`).

A key looks like any other private key, but for its numbers, which nobody gets. Calls block: use a thread where a loop
is running. One session a token serves the whole process, as PKCS#11 logs a process in and out, never a part of it.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.errors import Unavailable

T = TypeVar("T")

_PIN_FIX = "correct the PIN, or the secret that it refers to"


@dataclass(frozen=True, slots=True)
class HsmPlace:
    """Where a key is: the module that speaks to the HSM, the token's label, and the key's label or id or both."""

    module: Path
    token: str
    label: str | None = None
    id: bytes | None = None

    def __str__(self) -> str:
        name = self.label if self.label is not None else (self.id or b"").hex()
        return f"key {name} of token {self.token}"


def open_hsm_key(place: HsmPlace, pin: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """The key, proven to sign as its public key says. Raises: KeystoreRefused; Unavailable when the HSM fails."""
    token = _token(place)
    token.open(pin)
    public = token.use(lambda session: _public_key(session, place))
    if isinstance(public, rsa.RSAPublicKey):
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = HsmRsaKey(token, place, public)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        key = HsmEcKey(token, place, public)
    else:
        raise KeystoreRefused(str(place), "is neither RSA nor EC", "use an RSA or EC key")
    _prove(place, key)
    return key


class Token:
    """One token of a module, logged in to for as long as the process lives."""

    def __init__(self, place: HsmPlace) -> None:
        self._pkcs11, self._place = _package(place), place
        self._lock = threading.Lock()
        self._session: Any = None
        self._pin = ""
        #: PINs that the token refused: each further attempt would bring it nearer to locking itself.
        self._refused: set[bytes] = set()

    def open(self, pin: str) -> None:
        """Log in. With another PIN than before: out, and in again; the old one serves on if the new one is refused."""
        with self._lock:
            if self._session is not None and pin == self._pin:
                return
            former, before = self._session, self._pin
            self._demand_fresh(pin)
            if former is not None:
                self._close()
            try:
                self._session, self._pin = self._login(pin), pin
            except KeystoreRefused:
                if former is not None:
                    self._session, self._pin = self._login(before), before
                raise

    def use(self, work: Callable[[Any], T]) -> T:
        """The result of `work` on the session; once more on a fresh one when the first is gone. Raises: Unavailable."""
        with self._lock:
            try:
                if self._session is not None:
                    return work(self._session)
            except self._pkcs11.exceptions.PKCS11Error:
                # The module was restarted, the card pulled and put back, the network gone and back.
                self._close()
            try:
                self._session = self._login(self._pin)
                return work(self._session)
            except self._pkcs11.exceptions.PKCS11Error as error:
                raise Unavailable("hsm", f"{self._place}: {type(error).__name__}") from None

    def mechanism(self, name: str) -> Any:
        """A mechanism by its name."""
        return self._pkcs11.Mechanism[name]

    def _close(self) -> None:
        session, self._session = self._session, None
        try:
            if session is not None:
                session.close()
        except self._pkcs11.exceptions.PKCS11Error:
            return  # it is gone already

    def _demand_fresh(self, pin: str) -> None:
        if _mark(pin) in self._refused:
            raise KeystoreRefused(str(self._place), "was not asked again: it refused this PIN before", _PIN_FIX)

    def _login(self, pin: str) -> Any:
        """A session. A PIN that was refused is never shown to the token again. Raises: KeystoreRefused, Unavailable."""
        self._demand_fresh(pin)
        place, errors = str(self._place), self._pkcs11.exceptions
        try:
            module = self._pkcs11.lib(str(self._place.module))
        except (errors.PKCS11Error, RuntimeError):
            reason = f"{self._place.module} is no PKCS#11 module that can be loaded"
            raise KeystoreRefused(place, reason, "name the module of your HSM's maker") from None
        try:
            return module.get_token(token_label=self._place.token).open(user_pin=pin)
        except errors.NoSuchToken:
            fix = "correct the token's label, or let the gateway's user reach the module's configuration"
            raise KeystoreRefused(place, "is in a token that the module does not have", fix) from None
        except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange):
            self._refused.add(_mark(pin))
            raise KeystoreRefused(place, "does not open with this PIN", _PIN_FIX) from None
        except (errors.PinLocked, errors.PinExpired, errors.UserPinNotInitialized) as error:
            fix = "let the security officer set a new PIN"
            raise KeystoreRefused(place, f"has a PIN that is of no use ({type(error).__name__})", fix) from None
        except errors.MultipleTokensReturned:
            raise KeystoreRefused(place, "is in one of several tokens of this label", "give each its own") from None
        except errors.PKCS11Error as error:
            raise Unavailable("hsm", f"{place}: {type(error).__name__}") from None


class _HsmKey:
    """What both kinds have in common: where they are, and that nobody gets them."""

    def __init__(self, token: Token, place: HsmPlace) -> None:
        self._token, self._place = token, place

    def _sign(self, data: bytes, mechanism: str, parameters: Callable[[Token], Any]) -> bytes:
        def sign(session: Any) -> bytes:
            key = _object(session, self._place, "PRIVATE_KEY")
            how = {"mechanism": self._token.mechanism(mechanism), "mechanism_param": parameters(self._token)}
            return bytes(key.sign(data, **how))

        return self._token.use(sign)

    def _refuse(self) -> NoReturn:
        raise UnsupportedAlgorithm(f"{self._place} does not leave its HSM")


class HsmRsaKey(_HsmKey, rsa.RSAPrivateKey):
    """An RSA key that signs by PSS or PKCS #1 v1.5 with SHA-2."""

    def __init__(self, token: Token, place: HsmPlace, public: rsa.RSAPublicKey) -> None:
        super().__init__(token, place)
        self._public = public

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """A signature, made in the HSM. Raises: Unavailable; UnsupportedAlgorithm for what no JWS needs."""
        name = _digest_name(algorithm)
        if isinstance(padding, _PKCS1):
            return self._sign(bytes(data), f"{name}_RSA_PKCS", lambda _: None)
        if not isinstance(padding, _PSS) or padding._salt_length != algorithm.digest_size:
            raise UnsupportedAlgorithm("an HSM key signs by PKCS #1 v1.5, or by PSS with a salt as long as the digest")
        length = algorithm.digest_size
        return self._sign(
            bytes(data),
            f"{name}_RSA_PKCS_PSS",
            lambda token: (token.mechanism(name), token._pkcs11.MGF[name], length),
        )

    def decrypt(self, ciphertext: Any, padding: Any) -> bytes:
        """Never: it is a signature key."""
        self._refuse()

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Never."""
        self._refuse()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        """Never."""
        self._refuse()

    def __copy__(self) -> HsmRsaKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HsmRsaKey:
        return self


class HsmEcKey(_HsmKey, ec.EllipticCurvePrivateKey):
    """An EC key that signs by ECDSA with SHA-2."""

    def __init__(self, token: Token, place: HsmPlace, public: ec.EllipticCurvePublicKey) -> None:
        super().__init__(token, place)
        self._public = public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        """A DER signature, made in the HSM. Raises: Unavailable."""
        digest = hashes.Hash(signature_algorithm.algorithm)
        digest.update(bytes(data))
        # Few HSMs hash for ECDSA themselves; all sign a digest, and give r and s side by side.
        raw = self._sign(digest.finalize(), "ECDSA", lambda _: None)
        half = len(raw) // 2
        return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def exchange(self, algorithm: Any, peer_public_key: Any) -> bytes:
        """Never: it is a signature key."""
        self._refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Never."""
        self._refuse()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        """Never."""
        self._refuse()

    def __copy__(self) -> HsmEcKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HsmEcKey:
        return self


_PKCS1, _PSS = padding.PKCS1v15, padding.PSS
_tokens: dict[tuple[Path, str], Token] = {}
_tokens_lock = threading.Lock()


def _token(place: HsmPlace) -> Token:
    with _tokens_lock:
        key = place.module, place.token
        if key not in _tokens:
            _tokens[key] = Token(place)
        return _tokens[key]


def _mark(pin: str) -> bytes:
    return hashlib.sha256(pin.encode()).digest()


def _package(place: HsmPlace) -> Any:
    try:
        return importlib.import_module("pkcs11")
    except ImportError:
        reason, fix = "needs the package python-pkcs11", "pip install 'dcrgw[pkcs11]'"
        raise KeystoreRefused(str(place), reason, fix) from None


def _object(session: Any, place: HsmPlace, kind: str, **other: Any) -> Any:
    """The one object of a kind that the place names. Raises: KeystoreRefused."""
    pkcs11 = importlib.import_module("pkcs11")
    wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass[kind]}
    label, id_ = (other.get("label", place.label), other.get("id", place.id))
    if label is not None:
        wanted[pkcs11.Attribute.LABEL] = label
    if id_ is not None:
        wanted[pkcs11.Attribute.ID] = id_
    found = list(session.get_objects(wanted))
    if len(found) == 1:
        return found[0]
    if found:
        raise KeystoreRefused(str(place), f"is one of {len(found)} of the same name", "name its id too")
    raise KeystoreRefused(str(place), "is not there", "correct its label or id")


def _public_key(session: Any, place: HsmPlace) -> Any:
    """The public half: of the key beside it, or of its certificate. Raises: KeystoreRefused."""
    pkcs11 = importlib.import_module("pkcs11")
    private = _object(session, place, "PRIVATE_KEY")
    try:
        public = _object(session, place, "PUBLIC_KEY", label=None, id=private.id or place.id)
    except KeystoreRefused:
        try:
            certificate = _object(session, place, "CERTIFICATE", label=None, id=private.id or place.id)
        except KeystoreRefused:
            fix = "put its public key or its certificate beside it, with the same id"
            raise KeystoreRefused(str(place), "stands without its public key", fix) from None
        return x509.load_der_x509_certificate(certificate[pkcs11.Attribute.VALUE]).public_key()
    if private.key_type == pkcs11.KeyType.RSA:
        modulus, exponent = public[pkcs11.Attribute.MODULUS], public[pkcs11.Attribute.PUBLIC_EXPONENT]
        return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()
    if private.key_type == pkcs11.KeyType.EC:
        encode = importlib.import_module("pkcs11.util.ec").encode_ec_public_key
        return load_der_public_key(encode(public))
    return None


def _prove(place: HsmPlace, key: Any) -> None:
    """Raises: KeystoreRefused when the private key is not that of the public one."""
    message = b"dcrgw rehearsal"
    try:
        if isinstance(key, HsmRsaKey):
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
            key.public_key().verify(key.sign(message, scheme, hashes.SHA256()), message, scheme, hashes.SHA256())
        else:
            ecdsa = ec.ECDSA(hashes.SHA256())
            key.public_key().verify(key.sign(message, ecdsa), message, ecdsa)
    except InvalidSignature:
        reason = "signs otherwise than the public key beside it says"
        raise KeystoreRefused(str(place), reason, "give the pair the same id") from None


def _digest_name(algorithm: hashes.HashAlgorithm) -> str:
    names = {"sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
    if algorithm.name not in names:
        raise UnsupportedAlgorithm("an HSM key signs with SHA-256, SHA-384 or SHA-512")
    return names[algorithm.name]
