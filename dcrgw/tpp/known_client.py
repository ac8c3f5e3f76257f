"""What a TPP knows of a client that it registered: the bank's own words, kept in a file for its owner only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dcrgw.core import strict_json
from dcrgw.core.registration.members import MEMBERS
from dcrgw.core.strict_json import JsonValue
from dcrgw.tpp import private_file
from dcrgw.tpp.client import Answer
from dcrgw.tpp.setup import Incomplete

VERSION = 1

#: What an answer may leave out though it still holds (RFC 7592 §3 gives them anew only when they change).
_LASTING = ("client_secret", "client_secret_expires_at", "registration_access_token", "registration_client_uri")


class ClientUnusable(ValueError):
    """There is no client to read there. The message names the file and the fix."""


@dataclass(frozen=True, slots=True)
class KnownClient:
    """One registration. `information` is the client information that the bank answered last (RFC 7591 §3.2.1)."""

    registration_endpoint: str | None
    information: Mapping[str, Any] = field(repr=False)

    @property
    def client_id(self) -> str:
        """Its name at the bank. Raises: Incomplete."""
        return self._text("client_id") or _missing("--client-id or --client")

    @property
    def auth_method(self) -> str | None:
        """How it registered to authenticate at the token endpoint."""
        return self._text("token_endpoint_auth_method")

    @property
    def auth_signing_alg(self) -> str | None:
        """The algorithm that it registered for its assertions."""
        return self._text("token_endpoint_auth_signing_alg")

    @property
    def secret(self) -> str | None:
        """Its client_secret, if the bank gave one."""
        return self._text("client_secret")

    @property
    def registration_access_token(self) -> str | None:
        """The token that the bank gave to manage this registration with (RFC 7592 §3), if it did."""
        return self._text("registration_access_token")

    @property
    def statement(self) -> str | None:
        """The software statement that it was registered with."""
        return self._text("software_statement")

    @property
    def management_url(self) -> str:
        """Where to read, update and delete it: the bank's own URL to the letter (RFC 7592 §3), else that of OB UK DCR.

        Raises: Incomplete.
        """
        given = self._text("registration_client_uri")
        if given is not None:
            return given if given.startswith("https://") else _missing("a registration_client_uri that is https")
        base = self.registration_endpoint or _missing("--registration-endpoint")
        return f"{base}/{quote(self.client_id, safe='')}"

    @property
    def metadata(self) -> Mapping[str, JsonValue]:
        """The metadata that are registered: what an update says again (RFC 7592 §2.2)."""
        return {name: value for name, value in self.information.items() if name.partition("#")[0] in MEMBERS}

    def at_the_usual_address(self) -> KnownClient:
        """The same client, managed below the registration endpoint, as if the bank had said nothing else."""
        rest = {name: value for name, value in self.information.items() if name != "registration_client_uri"}
        return KnownClient(self.registration_endpoint, rest)

    def learnt(self, answer: Answer) -> KnownClient:
        """The same client after the bank told of it again."""
        lasting = {name: self.information[name] for name in _LASTING if name in self.information}
        return KnownClient(self.registration_endpoint, {**lasting, **answer.members})

    def _text(self, name: str) -> str | None:
        value = self.information.get(name)
        return value if isinstance(value, str) and value else None


def save(path: Path, known: KnownClient) -> None:
    """Keep it, secrets and all, for the owner of the file alone. Raises: OSError."""
    content = {
        "version": VERSION,
        "registration_endpoint": known.registration_endpoint,
        "information": dict(known.information),
    }
    private_file.write(path, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def load(path: Path) -> KnownClient:
    """A client that was saved. Raises: ClientUnusable."""
    try:
        content = strict_json.loads_object(path.read_bytes())
    except FileNotFoundError:
        raise ClientUnusable(f"{path} is not there: register first (dcrgw tpp register --save {path})") from None
    except (OSError, strict_json.JsonRefused):
        raise ClientUnusable(f"{path} cannot be read as a client") from None
    endpoint, information = content.get("registration_endpoint"), content.get("information")
    if content.get("version") != VERSION or not isinstance(information, dict):
        raise ClientUnusable(f"{path} is no client that `dcrgw tpp register` saved")
    return KnownClient(endpoint if isinstance(endpoint, str) else None, information)


def _missing(option: str) -> str:
    raise Incomplete(f"{option} is needed")
