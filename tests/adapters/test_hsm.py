"""Signature keys in an HSM, played by SoftHSM: that they sign, and everything that can be wrong with one."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from softhsm import KEYS, MODULE, PIN, needs_softhsm, token

from dcrgw.adapters import hsm, keystores
from dcrgw.adapters.hsm import HsmPlace, open_hsm_key
from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.adapters.signers import KeystoreSigner
from dcrgw.core.jose import signing
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.publishing import public_jwk
from dcrgw.core.jose.reader import JosePolicy, read
from dcrgw.core.jose.verification import verify
from dcrgw.testkit.keys import jwks

pytestmark = needs_softhsm


def place(label: str | None = None, **other: object) -> HsmPlace:
    return HsmPlace(**{"module": MODULE, "token": token(), "label": label, "id": None, **other})


def refusal(wanted: HsmPlace, pin: str = PIN) -> KeystoreRefused:
    """The refusal of a place: it names reason and fix, and shows no PIN."""
    with pytest.raises(KeystoreRefused) as caught:
        open_hsm_key(wanted, pin)
    assert caught.value.fix
    assert pin not in repr(caught.value) + str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("label", "alg"),
    [("rsa", "PS256"), ("rsa", "RS256"), ("rsa", "PS512"), ("ec", "ES256"), ("certified", "PS256")],
)
def test_what_the_hsm_signs_passes_our_own_door(label: str, alg: str) -> None:
    key = open_hsm_key(place(label), PIN)
    assert key.public_key() == KEYS[label][1].public_key()
    jwk = public_jwk(key.public_key(), alg)
    signed = signing.sign({"iss": "bank"}, key=key, alg=alg, kid=jwk["kid"])
    policy = JosePolicy(frozenset({alg}))
    assert verify(read(signed, policy), key_set(jwks(jwk)), policy).kid == jwk["kid"]


async def test_our_own_tokens_can_be_signed_by_it_many_at_once() -> None:
    signer = KeystoreSigner(open_hsm_key(place("ec"), PIN), "ES256")
    policy = JosePolicy(frozenset({"ES256"}), types=frozenset({"at+jwt"}))
    keys = key_set(jwks(*await signer.published()))
    for signed in await asyncio.gather(*(signer.sign({"n": n}, "at+jwt") for n in range(8))):
        verify(read(signed, policy), keys, policy)


def test_a_key_is_found_by_its_id_as_well() -> None:
    wanted = place(None, id=bytes.fromhex(KEYS["twin"][0]))
    assert open_hsm_key(wanted, PIN).public_key() == KEYS["twin"][1].public_key()


def test_what_cannot_be_opened_is_told_with_its_fix(tmp_path: Path) -> None:
    assert "is not there" in refusal(place("none")).reason
    assert "same name" in refusal(place("twin")).reason
    assert "without its public key" in refusal(place("lonely")).reason
    assert "otherwise" in refusal(place("liar")).reason
    assert "token" in refusal(place("rsa", token="another")).reason
    (tmp_path / "module.so").write_bytes(b"no library")
    assert "module" in refusal(place("rsa", module=tmp_path / "module.so")).reason


def test_a_wrong_pin_is_tried_once_and_the_right_one_serves_on() -> None:
    """PKCS#11 tokens lock themselves after a few wrong PINs: a watched file must not try it again and again."""
    key = open_hsm_key(place("rsa"), PIN)
    for _ in range(5):
        assert "PIN" in refusal(place("rsa"), "0000-not-it").reason
    key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    assert open_hsm_key(place("rsa"), PIN).public_key() == key.public_key()


# The package itself complains when a search on a lost session is thrown away.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_session_is_opened_again() -> None:
    key = open_hsm_key(place("rsa"), PIN)
    hsm._token(place("rsa"))._session.close()
    key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pin_that_was_changed_in_the_token_is_tried_once_by_all_signatures_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, held = open_hsm_key(place("rsa"), PIN), hsm._token(place("rsa"))
    monkeypatch.setattr(held, "_refused", set())
    monkeypatch.setattr(held, "_pin", "0000-not-it")
    held._session.close()
    for _ in range(12):  # more than any token forgives
        with pytest.raises(KeystoreRefused):
            key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    assert len(held._refused) == 1
    monkeypatch.undo()
    held.open(PIN)
    key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("label", ["rsa", "ec"])
def test_the_key_itself_is_never_given(label: str) -> None:
    key = open_hsm_key(place(label), PIN)
    with pytest.raises(UnsupportedAlgorithm):
        key.private_numbers()
    with pytest.raises(UnsupportedAlgorithm):
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert copy.copy(key) is copy.deepcopy(key) is key
    assert isinstance(key, keystores.PrivateKey)


def test_another_salt_than_a_jws_has_is_refused() -> None:
    key = open_hsm_key(place("rsa"), PIN)
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(b"message", padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=20), hashes.SHA256())
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(b"message", padding.PKCS1v15(), hashes.SHA1())


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(hsm.importlib, "import_module", missing)
    monkeypatch.setattr(hsm, "_tokens", {})
    assert "dcrgw[pkcs11]" in refusal(HsmPlace(MODULE, "bank", "rsa")).fix
