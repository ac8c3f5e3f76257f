"""Clients at an authorization server (AS) that speaks RFC 7591 and RFC 7592."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcrgw.adapters.upstream.discovery import Discovery
from dcrgw.adapters.upstream.refusals import error_of, members_of, refusal
from dcrgw.adapters.upstream.way import Answer, Question, Way
from dcrgw.core.registration.client import is_client_id
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.places import PlaceRefused, place
from dcrgw.core.upstream.wanting import NOT_METADATA
from dcrgw.errors import Misconfigured, Unavailable

#: Clocks go wrong by less, and nobody registers the same client twice in so short a time.
_FRESH_S = 3600.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """`client_id_header` names our id to the AS; None where the AS chooses. The token is the initial access token."""

    issuer: str
    url: str
    client_id_header: str | None
    token: str | None = field(repr=False)


class RegistrationDesk:
    """Creates, reads, replaces and deletes one AS's clients, each by the token that the AS gave for it."""

    def __init__(self, way: Way, discovery: Discovery, settings: RegistrationSettings) -> None:
        self._way, self._discovery, self._settings = way, discovery, settings

    async def create(self, wanted: WantedClient) -> UpstreamClient:
        """The client as the AS made it. Where the id is ours, asking again replaces it, so that there is one only."""
        url = (await self._discovery.current()).places.get("registration_endpoint")
        if url is None:
            raise Misconfigured(
                f"{self._way.dependency}: it has no registration_endpoint; switch registration on there"
            )
        fields, members = [("Content-Type", "application/json")], _members(wanted)
        if self._settings.token is not None:
            fields.append(("Authorization", f"Bearer {self._settings.token}"))
        if self._settings.client_id_header is not None:
            fields.append((self._settings.client_id_header, wanted.client_id))
            if wanted.secret is not None:
                # Its TPP may hold it by now. RFC 7591 §2: a server that takes none from us ignores it.
                members["client_secret"] = wanted.secret
        answer = await self._ask("POST", url, fields, members)
        if answer.status not in (200, 201):
            raise refusal(self._way.dependency, "POST registration", answer, credential="upstream.registration_token")
        told = members_of(self._way.dependency, "POST registration", answer)
        made = replace(self._client(told), is_new=answer.status == 201 and _is_fresh(told))
        header = self._settings.client_id_header
        if header is not None and made.ref.client_id != wanted.client_id:
            # It does not do what it was asked. Only of a client that it says to have just made it is plain whose it is.
            if made.is_new:
                await self.delete(made.ref)
            left = "" if made.is_new else "; if it made that client just now, delete it"
            raise Misconfigured(
                f"{self._way.dependency}: it gave the id {made.ref.client_id} and not the one that {header} named: let"
                f" it take that header, or remove upstream.client_id_header{left}"
            )
        if told.get("client_secret_expires_at") not in (None, 0):
            if header is not None or made.is_new:
                await self.delete(made.ref)
            raise Misconfigured(
                f"{self._way.dependency}: it makes secrets that expire, after which its clients could not come any"
                " more: let them last"
            )
        return made

    async def find(self, wanted: WantedClient) -> UpstreamClient | None:
        """The client whose answer was lost. Such a server tells nothing without the token that was lost too, but puts
        the same client in the same place when it is asked again, so that is the question."""
        if self._settings.client_id_header is None:
            raise Misconfigured(f"{self._way.dependency}: it cannot be asked for a client whose id it chose itself")
        return await self.create(wanted)

    async def read(self, ref: UpstreamRef) -> UpstreamClient | None:
        """The client as it is there now; None where there is none, or its token is good no more."""
        answer = await self._ask("GET", self._uri(ref), _bearer(ref))
        if _is_unknown(answer):
            return None
        return self._read("GET client", answer, ref)

    async def update(self, ref: UpstreamRef, wanted: WantedClient) -> UpstreamClient:
        """The client replaced whole. Where the id is ours, one that is gone, or whose token was lost, is made anew."""
        members = {"client_id": ref.client_id, **_members(wanted)}
        if wanted.secret is not None and (held := await self.read(ref)) is not None:
            ref = held.ref
            # RFC 7592 §2.2: the one that the server issued, or none. A client that had none gets the server's own.
            members |= {"client_secret": wanted.secret} if held.secret == wanted.secret else {}
        fields = [("Content-Type", "application/json"), *_bearer(ref)]
        answer = await self._ask("PUT", self._uri(ref), fields, members)
        if not _is_unknown(answer):
            return self._read("PUT client", answer, ref)
        if self._settings.client_id_header is not None:
            return await self.create(wanted)
        raise Misconfigured(f"{self._way.dependency}: it knows the client {ref.client_id}, or its token, no more")

    async def delete(self, ref: UpstreamRef) -> bool:
        """True when the AS says so. What it does not find may be gone, or known by another token since."""
        answer = await self._ask("DELETE", self._uri(ref), _bearer(ref))
        if answer.status in (200, 204):
            return True
        if _is_unknown(answer):
            return False
        raise refusal(self._way.dependency, "DELETE client", answer, credential="what proves the gateway")

    async def listed(self) -> tuple[UpstreamClient, ...] | None:
        """RFC 7592 has no such question."""
        return None

    async def close(self) -> None:
        """Nothing is under way that nobody waits for."""

    async def _ask(
        self, method: str, url: str, fields: list[tuple[str, str]], members: Mapping[str, JsonValue] | None = None
    ) -> Answer:
        body = b"" if members is None else json.dumps(members, separators=(",", ":")).encode()
        usual = [("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "dcrgw")]
        return await self._way.ask(Question(method, url, (*usual, *fields), body))

    def _read(self, asked: str, answer: Answer, ref: UpstreamRef) -> UpstreamClient:
        if answer.status != 200:
            raise refusal(self._way.dependency, asked, answer, credential="what proves the gateway")
        found = self._client(members_of(self._way.dependency, asked, answer), ref)
        if found.ref.client_id != ref.client_id:
            raise Unavailable(self._way.dependency, f"the answer to {asked} is about another client")
        return found

    def _client(self, members: Mapping[str, JsonValue], ref: UpstreamRef | None = None) -> UpstreamClient:
        """An answer, read. A token or a place that it does not say again stays what it was (RFC 7592 §3)."""
        dependency = self._way.dependency
        client_id, uri = members.get("client_id"), members.get("registration_client_uri", ref.uri if ref else None)
        token = members.get("registration_access_token", ref.token if ref else None)
        secret = members.get("client_secret")
        if not isinstance(client_id, str) or not is_client_id(client_id):
            raise Unavailable(dependency, "the answer about a client has no usable client_id")
        if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise Unavailable(dependency, "the answer about a client has no usable registration_access_token")
        if uri is not None:
            self._place(uri if isinstance(uri, str) else "")
        if secret is not None and not (isinstance(secret, str) and secret.isascii() and secret.isprintable()):
            raise Unavailable(dependency, "the answer about a client has no usable client_secret")
        metadata = {name: value for name, value in members.items() if name not in NOT_METADATA}
        return UpstreamClient(UpstreamRef(client_id, uri if isinstance(uri, str) else None, token), metadata, secret)

    def _uri(self, ref: UpstreamRef) -> str:
        if ref.uri is None or ref.token is None:
            raise Misconfigured(f"{self._way.dependency}: it gave no address or token to manage {ref.client_id} by")
        return self._place(ref.uri)

    def _place(self, uri: str) -> str:
        """Where a client is managed: at the AS and nowhere else, whatever its answer says."""
        try:
            return place(uri, self._settings.issuer, self._settings.url)
        except PlaceRefused as refused:
            raise Misconfigured(f"{self._way.dependency}: a registration_client_uri of it {refused}") from None


def _is_fresh(told: Mapping[str, JsonValue]) -> bool:
    """Whether the client may be of this moment, by what the AS says of it (RFC 7591 §3.2.1)."""
    issued_at = told.get("client_id_issued_at")
    return not isinstance(issued_at, (int, float)) or time.time() - issued_at < _FRESH_S


def _members(wanted: WantedClient) -> dict[str, JsonValue]:
    return {name: value for name, value in wanted.metadata.items() if name not in NOT_METADATA}


def _bearer(ref: UpstreamRef) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {ref.token}")]


def _is_unknown(answer: Answer) -> bool:
    """RFC 7592 §2: a client that is gone, or a token that is good no more, is 401. Said by the AS, not in front of it:
    what refuses the gateway itself must not pass for a client that is gone."""
    if answer.status == 404:
        return error_of(answer) is not None
    if answer.status != 401:
        return False
    said = error_of(answer)
    return (said is not None and said[0] == "invalid_token") or "invalid_token" in answer.field("www-authenticate")
