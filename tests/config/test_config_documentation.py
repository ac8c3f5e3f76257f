"""The pages that are made from the model say what the model does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import CANARY, SCRIPT, bank, settings

from dcrgw.config.documentation import configuration_markdown, configuration_schema
from dcrgw.config.explaining import keys_of, sections
from dcrgw.config.loading import from_document
from dcrgw.config.model import Settings
from dcrgw.config.printing import effective
from dcrgw.config.seeds import SEED_SETTINGS

DOCS = Path(__file__).parents[2] / "docs"

#: As in the table of the seeds, with the paths and endpoints of a real directory made up.
SEEDS: dict[str, tuple[Any, Any]] = {
    "clientScopes": (
        "ASPSPReadAccess AuthoritiesReadAccess TPPReadAccess",
        ("ASPSPReadAccess", "AuthoritiesReadAccess", "TPPReadAccess"),
    ),
    "keyId": ("XkwIzWy44xWSlcWnMiEc8iq9s2G", "XkwIzWy44xWSlcWnMiEc8iq9s2G"),
    "signingCert": ("/etc/certs/obieDir/signing.pem", Path("/etc/certs/obieDir/signing.pem")),
    "signingKey": ("/etc/certs/obieDir/signing.key", Path("/etc/certs/obieDir/signing.key")),
    "trustKeyStore": ("/etc/certs/obieDir/root.p12", Path("/etc/certs/obieDir/root.p12")),
    "trustKeyStorePassword": ("env:TRUST", "env:TRUST"),
    "transportKeyStore": ("/etc/certs/obieDir/transport.p12", Path("/etc/certs/obieDir/transport.p12")),
    "transportKeyStorePassword": ("file:/run/secrets/transport", "file:/run/secrets/transport"),
    "tokenUrl": ("https://sso.directory.example/token", "https://sso.directory.example/token"),
    "tppUrl": ("https://api.directory.example/scim/", "https://api.directory.example/scim/"),
    "jwks_endpoint": ("https://keystore.directory.example/jwks", "https://keystore.directory.example/jwks"),
    "aud": ("https://sso.directory.example", "https://sso.directory.example"),
}


def test_every_setting_of_the_seeds_has_a_home() -> None:
    assert SEEDS.keys() == SEED_SETTINGS.keys()
    written = {SEED_SETTINGS[seed]: value for seed, (value, _) in SEEDS.items()}
    directory = {"name": "primary", "issuers": ["x"], "software_jwks_hosts": ["k.example"], **written}
    found = from_document(bank({"directory": [directory]}), Path("/etc/dcrgw.toml")).directories[0]
    for seed, (_, taken) in SEEDS.items():
        value = getattr(found, SEED_SETTINGS[seed])
        assert (str(value) if "Password" in seed else value) == taken


def test_the_page_maps_every_setting_of_the_seeds() -> None:
    page = configuration_markdown()
    for seed, ours in SEED_SETTINGS.items():
        assert f"| `{seed}` | `{ours}` |" in page


def test_the_page_names_every_key() -> None:
    page = configuration_markdown()
    for heading, section in [("## The top of the file", Settings), *sections()]:
        assert heading in page
        for key in keys_of(section):
            assert f"`{key}`" in page or f"{key}]" in page


def test_every_key_has_a_description() -> None:
    for _, section in [("", Settings), *sections()]:
        assert all(field.description for field in section.model_fields.values())


@pytest.mark.parametrize(
    ("name", "text"),
    [("configuration.md", configuration_markdown()), ("configuration.schema.json", configuration_schema())],
)
def test_the_committed_page_is_up_to_date(name: str, text: str) -> None:
    assert (DOCS / name).read_text() == text


def test_the_schema_refuses_unknown_keys_and_names_the_files_own() -> None:
    schema = json.loads(configuration_schema())
    assert {"listeners", "registry", "directory", "market"} == set(schema["required"])
    assert schema["additionalProperties"] is False
    assert all(each["additionalProperties"] is False for each in schema["$defs"].values())


def test_what_is_in_force_shows_origin_and_no_secret() -> None:
    script = {**SCRIPT, "properties": {"password": CANARY, "api": "env:API", "scopes": "accounts"}}
    changes = {
        "environment": "sandbox",
        "directory[0].trust_keystore_password": CANARY,
        "registry.sealing_keys": [CANARY, "env:SEALING"],
        "script": [script],
    }
    lines = {line.key: line for line in effective(settings(changes))}
    assert CANARY not in repr(lines)
    assert lines["directory[0].transport_keystore_password"].value == "env:TRANSPORT_PASSWORD"
    assert lines["registry.sealing_keys"].value == "[**********, env:SEALING]"
    assert lines["script[0].properties"].value == "{password = **********, api = env:API, scopes = accounts}"
    assert (lines["market[0].base_url"].origin, lines["market[0].issuer"].origin) == ("file", "default")
    assert lines["market[0].issuer"].value == "https://bank.example"
    assert lines["limits.body_s"].value == "20"
    assert lines["directory[0].trust_keystore"].value == "system"
