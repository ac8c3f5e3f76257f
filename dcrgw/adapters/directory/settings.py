"""What must be known to ask one directory."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.adapters.fetcher import Fetcher
from dcrgw.core.jose.signing import PrivateKey


@dataclass(frozen=True, slots=True)
class OpenBankingDirectory:
    """One directory with a token endpoint and a SCIM endpoint of third party providers.

    `client_id` is the bank's own software statement id there; `audience` the assertion's `aud`, normally `token_url`;
    `own_url` the SCIM endpoint of banks, where it is another than `tpp_url`. The `fetcher` carries the transport
    certificate. A TPP's SCIM record lists all of its software: let the fetcher's byte cap be generous.
    """

    name: str
    token_url: str
    tpp_url: str
    client_id: str
    scopes: tuple[str, ...]
    key_id: str
    signing_key: PrivateKey = field(repr=False)
    signing_alg: str
    audience: str
    fetcher: Fetcher = field(repr=False)
    own_url: str | None = None


@dataclass(frozen=True, slots=True)
class ListedDirectory:
    """One directory that publishes its participants as one list; `kind` is one of `listings.LISTS`."""

    name: str
    kind: str
    url: str
    fetcher: Fetcher = field(repr=False)
