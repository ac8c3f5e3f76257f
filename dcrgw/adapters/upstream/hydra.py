"""Clients at Ory Hydra, by its administration.

Hydra's administration asks nobody who he is: whoever reaches its port may do everything, so only the gateway may.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from dcrgw.adapters.upstream.refusals import json_of, members_of, refusal
from dcrgw.adapters.upstream.way import Answer, Question, Way
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured, Unavailable

#: Members that Hydra does something with, under their own names.
_KEPT = frozenset(
    {
        "backchannel_logout_session_required",
        "backchannel_logout_uri",
        "client_name",
        "client_uri",
        "contacts",
        "frontchannel_logout_session_required",
        "frontchannel_logout_uri",
        "grant_types",
        "jwks",
        "jwks_uri",
        "logo_uri",
        "policy_uri",
        "post_logout_redirect_uris",
        "redirect_uris",
        "request_object_signing_alg",
        "response_types",
        "scope",
        "sector_identifier_uri",
        "subject_type",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "tos_uri",
        "userinfo_signed_response_alg",
    }
)
#: Members that only describe a client: kept in its own `metadata`.
_DESCRIBING = frozenset(
    {
        "application_type",
        "authorization_details_types",
        "org_id",
        "org_name",
        "software_id",
        "software_roles",
        "software_version",
    }
)
_MARK = "dcrgw"
_PAGE = 100
_MOST_PAGES = 1000
_NEXT = re.compile(r"<[^<>]*[?&]page_token=([A-Za-z0-9._~%=-]+)[^<>]*>\s*;\s*rel=\"?next\"?")
_CREDENTIAL = "what stands in front of upstream.admin_url"

Members = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class HydraSettings:
    """`admin_url` has no trailing slash."""

    market: str
    admin_url: str


class HydraDesk:
    """Creates, finds, reads, replaces, deletes and lists the clients of one market."""

    def __init__(self, way: Way, settings: HydraSettings) -> None:
        self._way, self._settings = way, settings
        self._clients_url = f"{settings.admin_url}/admin/clients"

    async def create(self, wanted: WantedClient) -> UpstreamClient:
        """The client as Hydra keeps it. One that an earlier attempt made is brought to what is wanted."""
        answer = await self._ask("POST", self._clients_url, self._members(wanted))
        if answer.status == 409 and await self.read(UpstreamRef(wanted.client_id)) is not None:
            return await self.update(UpstreamRef(wanted.client_id), wanted)
        return self._told("POST clients", answer, 201, wanted)

    async def find(self, wanted: WantedClient) -> UpstreamClient | None:
        """The client of this id, which is ours alone."""
        return await self.read(UpstreamRef(wanted.client_id))

    async def read(self, ref: UpstreamRef) -> UpstreamClient | None:
        """The client as it is there; its secret is not shown again."""
        answer = await self._ask("GET", self._url(ref))
        if answer.status == 404:
            return None
        found = members_of(self._way.dependency, "GET client", self._demanded("GET client", answer, 200))
        if not self._is_ours(found):
            raise Misconfigured(
                f"{self._way.dependency}: the client {ref.client_id} there has not the mark of this market, so it is"
                " not touched"
            )
        return _client(found)

    async def update(self, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """The client replaced whole; one that somebody deleted in Hydra is made anew."""
        if await self.read(ref) is None:
            return await self.create(wanted)
        return self._told("PUT client", await self._ask("PUT", self._url(ref), self._members(wanted)), 200, wanted)

    async def delete(self, ref: UpstreamRef) -> bool:
        """The client is gone, with its tokens: True."""
        if await self.read(ref) is not None:
            answer = await self._ask("DELETE", self._url(ref))
            if answer.status != 404:
                self._demanded("DELETE client", answer, 204)
        return True

    async def listed(self) -> tuple[UpstreamClient, ...] | None:
        """All clients with this market's mark."""
        found: list[UpstreamClient] = []
        query = {"page_size": str(_PAGE), "owner": self._owner}
        for _ in range(_MOST_PAGES):
            answer = await self._ask("GET", f"{self._clients_url}?{urlencode(query)}")
            page = json_of(self._way.dependency, "GET clients", self._demanded("GET clients", answer, 200))
            if not isinstance(page, list):
                raise Unavailable(self._way.dependency, "its answer to GET clients is no list of clients")
            found += [_client(each) for each in page if isinstance(each, Mapping) and self._is_ours(each)]
            following = _NEXT.search(answer.field("link"))
            if following is None or not page:
                return tuple(found)
            query["page_token"] = following[1]
        raise Unavailable(self._way.dependency, "its list of clients has no end")

    async def close(self) -> None:
        """Nothing is under way that nobody waits for."""

    @property
    def _owner(self) -> str:
        return f"{_MARK}:{self._settings.market}"

    def _is_ours(self, found: Members) -> bool:
        return found.get("owner") == self._owner

    def _members(self, wanted: WantedClient) -> dict[str, JsonValue]:
        members: dict[str, JsonValue] = {
            # A client without a scope would get Hydra's own choice of them.
            "scope": "openid",
            **{name: value for name, value in wanted.metadata.items() if name in _KEPT},
            "client_id": wanted.client_id,
            "owner": self._owner,
            "metadata": {
                _MARK: {
                    "key": wanted.key,
                    "members": {name: value for name, value in wanted.metadata.items() if name in _DESCRIBING},
                }
            },
        }
        if wanted.secret is not None:
            members["client_secret"] = wanted.secret
        return members

    def _told(self, asked: str, answer: Answer, status: int, wanted: WantedClient) -> UpstreamClient:
        found = members_of(self._way.dependency, asked, self._demanded(asked, answer, status))
        if found.get("client_id") != wanted.client_id or not self._is_ours(found):
            raise Unavailable(self._way.dependency, f"the answer to {asked} is about another client")
        return _client(found, wanted.secret)

    def _demanded(self, asked: str, answer: Answer, status: int) -> Answer:
        if answer.status != status:
            raise refusal(self._way.dependency, asked, answer, credential=_CREDENTIAL)
        return answer

    def _url(self, ref: UpstreamRef) -> str:
        return f"{self._clients_url}/{quote(ref.client_id, safe='')}"

    async def _ask(self, method: str, url: str, members: Members | None = None) -> Answer:
        fields = (
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            *((("Content-Type", "application/json"),) if members is not None else ()),
        )
        body = b"" if members is None else json.dumps(members, separators=(",", ":")).encode()
        return await self._way.ask(Question(method, url, fields, body))


def _client(found: Members, secret: str | None = None) -> UpstreamClient:
    """A client of Hydra in RFC 7591's words. `secret` is ours, where Hydra keeps it and shows it no more."""
    kept = found.get("metadata")
    mark = kept.get(_MARK) if isinstance(kept, Mapping) else None
    described = mark.get("members") if isinstance(mark, Mapping) else None
    members: dict[str, JsonValue] = dict(described) if isinstance(described, Mapping) else {}
    members |= {name: value for name, value in found.items() if name in _KEPT and value not in (None, "", [], {})}
    shown = found.get("client_secret", secret)
    has_secret = str(members.get("token_endpoint_auth_method")).startswith("client_secret")
    return UpstreamClient(
        UpstreamRef(str(found.get("client_id"))), members, shown if has_secret and isinstance(shown, str) else None
    )
