"""The names of the settings in the world this gateway replaces, and where each has its home here."""

from __future__ import annotations

from collections.abc import Mapping

#: A property of the Janssen / Gluu client registration script -> our key within `[[directory]]`.
SEED_SETTINGS: Mapping[str, str] = {
    "clientScopes": "client_scopes",
    "keyId": "key_id",
    "signingCert": "signing_cert",
    "signingKey": "signing_key",
    "trustKeyStore": "trust_keystore",
    "trustKeyStorePassword": "trust_keystore_password",
    "transportKeyStore": "transport_keystore",
    "transportKeyStorePassword": "transport_keystore_password",
    "tokenUrl": "token_url",
    "tppUrl": "tpp_url",
    "jwks_endpoint": "jwks_endpoint",
    "aud": "audience",
}
