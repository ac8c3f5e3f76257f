"""A private key with its certificate comes as a PEM pair or as a PKCS#12 keystore: one of the two, complete."""

from __future__ import annotations

from collections.abc import Iterator

from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.base import Section


def credential_faults(key: str, section: Section, *, prefix: str = "", required: bool = False) -> Iterator[ConfigFault]:
    """What is wrong with the choice of credentials. `prefix` is that of the settings' names."""
    certificate = "transport_cert" if prefix else "certificate"
    pair_key, store = f"{prefix}key", f"{prefix}keystore"
    has = {name for name in section.model_fields_set if getattr(section, name) is not None}
    in_words = f"{store}, or {certificate} and {pair_key}"
    if store in has and has & {certificate, pair_key}:
        yield ConfigFault(f"{key}.{store}", f"stands beside {certificate} or {pair_key}", f"keep {in_words}")
    elif (certificate in has) != (pair_key in has):
        missing = pair_key if certificate in has else certificate
        yield ConfigFault(f"{key}.{missing}", "is missing", f"set {certificate} and {pair_key}")
    elif required and not has & {store, certificate}:
        yield ConfigFault(key, "has no certificate and key", f"set {in_words}")
    for owner in (pair_key, store):
        if f"{owner}_password" in has and owner not in has:
            yield ConfigFault(f"{key}.{owner}_password", f"is a password without {owner}", f"set {owner}, or remove it")


def has_credentials(section: Section, *, prefix: str = "") -> bool:
    """True when a key pair is configured at all."""
    certificate = "transport_cert" if prefix else "certificate"
    return any(getattr(section, name) is not None for name in (certificate, f"{prefix}keystore"))
