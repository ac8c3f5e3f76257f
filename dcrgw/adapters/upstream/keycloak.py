"""Clients at Keycloak, by its administration (Admin REST API).

Not by its registration endpoint: there Keycloak chooses the client_id, can't be asked for a client whose answer was
lost, nor for all that are ours, and rotates a token with every change. The gateway's service account needs the role
`manage-clients` of the realm, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from dcrgw.adapters.upstream import keycloak_words as words
from dcrgw.adapters.upstream.own_token import OwnToken
from dcrgw.adapters.upstream.refusals import json_of, refusal
from dcrgw.adapters.upstream.way import Answer, Question, Way
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.gates import METADATA
from dcrgw.errors import Misconfigured, Rejected, Unavailable

#: A representation has some 3 KB: a page of them stays far below the largest answer that is taken.
_PAGE = 25
_MOST = 100_000
_CREDENTIAL = "upstream.admin_client_id and its roles there: it needs realm-management's manage-clients"

Members = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class KeycloakSettings:
    """`realm_url` is `…/admin/realms/{realm}`."""

    market: str
    realm_url: str

    @property
    def clients_url(self) -> str:
        """Where its clients are."""
        return f"{self.realm_url}/clients"


class KeycloakDesk:
    """Creates, finds, reads, replaces, deletes and lists the clients of one market in a realm."""

    def __init__(self, way: Way, token: OwnToken, settings: KeycloakSettings) -> None:
        self._way, self._token, self._settings = way, token, settings

    async def create(self, wanted: WantedClient) -> UpstreamClient:
        """The client as Keycloak keeps it. One that an earlier attempt made is brought to what is wanted."""
        _demand_name(wanted)
        answer = await self._ask(
            "POST", self._settings.clients_url, words.representation(wanted, self._settings.market)
        )
        if answer.status == 409 and await self._own(wanted.client_id) is not None:
            return await self.update(UpstreamRef(wanted.client_id), wanted)
        if answer.status != 201:
            raise self._refusal("POST clients", answer)
        return await self._made(wanted)

    async def find(self, wanted: WantedClient) -> UpstreamClient | None:
        """The client of this id, which is ours alone."""
        return await self.read(UpstreamRef(wanted.client_id))

    async def read(self, ref: UpstreamRef) -> UpstreamClient | None:
        """The client as it is there."""
        found = await self._own(ref.client_id)
        return _client(found) if found is not None else None

    async def update(self, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """The client replaced whole; one that somebody deleted in Keycloak is made anew."""
        _demand_name(wanted)
        found = await self._own(ref.client_id)
        if found is None:
            return await self.create(wanted)
        answer = await self._ask("PUT", self._url(found), words.representation(wanted, self._settings.market))
        if answer.status != 204:
            raise self._refusal("PUT client", answer)
        await self._change_scopes(self._url(found), found, words.optional_scopes(wanted))
        return await self._made(wanted)

    async def delete(self, ref: UpstreamRef) -> bool:
        """The client is gone, with its sessions: True."""
        found = await self._own(ref.client_id)
        if found is not None:
            answer = await self._ask("DELETE", self._url(found))
            if answer.status not in (204, 404):
                raise self._refusal("DELETE client", answer)
        return True

    async def listed(self) -> tuple[UpstreamClient, ...] | None:
        """All clients with this market's mark."""
        found: list[UpstreamClient] = []
        for first in range(0, _MOST, _PAGE):
            page = await self._clients(f"first={first}&max={_PAGE}")
            found += [_client(each) for each in page if self._is_ours(each)]
            if len(page) < _PAGE:
                return tuple(found)
        raise Unavailable(self._way.dependency, f"it lists more than {_MOST} clients")

    async def close(self) -> None:
        """End a question for our own token."""
        await self._token.close()

    async def _made(self, wanted: WantedClient) -> UpstreamClient:
        found = await self.read(UpstreamRef(wanted.client_id))
        if found is None:
            raise Unavailable(self._way.dependency, "it does not show the client that it took")
        return found

    async def _change_scopes(self, url: str, before: Members, wanted: Collection[str]) -> None:
        """Bring its scopes to what is wanted: a PUT of the client leaves them as they were."""
        named = before.get("optionalClientScopes")
        held = {each for each in named if isinstance(each, str)} if isinstance(named, list) else set()
        if held == set(wanted):
            return
        ids = {
            str(each.get("name")): str(each.get("id"))
            for each in await self._list(f"{self._settings.realm_url}/client-scopes")
        }
        # First what is taken away: if we fail between, the client may less and not more.
        changes = [("DELETE", name) for name in sorted(held - set(wanted))]
        changes += [("PUT", name) for name in sorted(set(wanted) - held) if name in ids]
        for method, name in changes:
            if name not in ids:
                continue
            answer = await self._ask(method, f"{url}/optional-client-scopes/{quote(ids[name], safe='')}")
            if answer.status != 204:
                raise self._refusal(f"{method} scope of a client", answer)

    async def _own(self, client_id: str) -> Members | None:
        """The representation of our client of this id. Raises: Misconfigured where it is somebody else's."""
        for each in await self._clients(f"clientId={quote(client_id, safe='')}"):
            if each.get("clientId") == client_id:
                if not self._is_ours(each):
                    raise Misconfigured(
                        f"{self._way.dependency}: the client {client_id} there has not the mark of this market, so it"
                        " is not touched"
                    )
                return each
        return None

    async def _clients(self, query: str) -> list[Members]:
        return await self._list(f"{self._settings.clients_url}?{query}")

    async def _list(self, url: str) -> list[Members]:
        answer = await self._ask("GET", url)
        if answer.status != 200:
            raise self._refusal("GET list", answer)
        found = json_of(self._way.dependency, "GET list", answer)
        if not isinstance(found, list):
            raise Unavailable(self._way.dependency, "its answer to GET list is no list")
        return [each for each in found if isinstance(each, Mapping)]

    def _is_ours(self, found: Members) -> bool:
        return words.attributes_of(found).get(words.MARKET) == self._settings.market

    def _url(self, found: Members) -> str:
        inner = found.get("id")
        if not isinstance(inner, str) or not inner:
            raise Unavailable(self._way.dependency, "it shows a client without an id")
        return f"{self._settings.clients_url}/{quote(inner, safe='')}"

    async def _ask(self, method: str, url: str, members: Members | None = None) -> Answer:
        token = await self._token.current()
        answer = await self._way.ask(_question(method, url, token, members))
        if answer.status != 401:
            return answer
        # Its sessions may have been ended there; a token is asked for once more, and no more than that.
        self._token.drop(token)
        return await self._way.ask(_question(method, url, await self._token.current(), members))

    def _refusal(self, asked: str, answer: Answer) -> Exception:
        return refusal(self._way.dependency, asked, answer, credential=_CREDENTIAL)


def _question(method: str, url: str, token: str, members: Members | None) -> Question:
    fields = (
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("Authorization", f"Bearer {token}"),
        *((("Content-Type", "application/json"),) if members is not None else ()),
    )
    body = b"" if members is None else json.dumps(members, separators=(",", ":")).encode()
    return Question(method, url, fields, body)


def _demand_name(wanted: WantedClient) -> None:
    """Keycloak knows a certificate by its subject alone; without one it would take any that its trust store knows."""
    members = wanted.metadata
    if members.get("token_endpoint_auth_method") == "tls_client_auth" and not members.get("tls_client_auth_subject_dn"):
        text = "the authorization server knows certificates by tls_client_auth_subject_dn alone"
        raise Rejected([METADATA.failed(text).fault])


def _client(found: Members) -> UpstreamClient:
    members = words.metadata(found)
    secret = found.get("secret")
    has_secret = str(members.get("token_endpoint_auth_method")).startswith("client_secret")
    return UpstreamClient(
        UpstreamRef(str(found.get("clientId"))), members, secret if has_secret and isinstance(secret, str) else None
    )
