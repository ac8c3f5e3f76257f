"""Entries for tests: each test states only what differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty

SECRET = "s3cret-value"
#: clientregistration.json as Janssen ships it, shortened.
JANSSEN: dict[str, Any] = {
    "dn": "inum=DAA9-B788,ou=scripts,o=jans",
    "inum": "DAA9-B788",
    "name": "client_registration",
    "aliases": None,
    "description": "Open Banking",
    "script": "_file Registration.py",
    "scriptType": "CLIENT_REGISTRATION",
    "programmingLanguage": "PYTHON",
    "moduleProperties": [{"value1": "location_type", "value2": "ldap", "description": None}],
    "configurationProperties": [
        {"value1": "clientScopes", "value2": "TPPReadAccess", "hide": False, "description": "scopes"},
        {"value1": "trustKeyStorePassword", "value2": SECRET, "hide": False, "description": None},
        {"value1": "keyId", "value2": "file:/run/secrets/kid", "hide": False, "description": None},
    ],
    "level": 100,
    "revision": 1,
    "enabled": True,
    "scriptError": None,
    "modified": False,
    "internal": False,
}


def entry(**changes: Any) -> ScriptEntry:
    plain = ScriptEntry(
        inum="DAA9-B788",
        name="registration",
        type="client_registration",
        text="class ClientRegistration: ...\n",
        level=100,
        configuration_properties=(
            ScriptProperty("clientScopes", "a b"),
            ScriptProperty("keyStorePassword", SECRET),
            ScriptProperty("reference", "env:WHERE_IT_IS"),
            ScriptProperty("marked", f"{SECRET}-2", hide=True),
        ),
    )
    return replace(plain, **changes)


def members(**changes: Any) -> dict[str, Any]:
    """An entry as an administrator writes it; None leaves a member out."""
    plain: dict[str, Any] = {
        "inum": "DAA9-B788",
        "name": "registration",
        "type": "client_registration",
        "text": "pass\n",
        "configuration_properties": [{"value1": "clientScopes", "value2": "a b"}],
    }
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}
