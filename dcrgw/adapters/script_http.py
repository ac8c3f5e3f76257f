"""GET requests of scripts, by a guarded way out of their own: it shows no certificate and knows no directory."""

from __future__ import annotations

from dcrgw.adapters.fetch_failures import FetchFailed, FetchReason
from dcrgw.adapters.fetcher import Fetcher
from dcrgw.errors import Unavailable
from dcrgw.ports.http import HttpAnswer


class ScriptHttp:
    """Implements `dcrgw.ports.http.Http` on a fetcher, for the hosts that the operator admitted."""

    def __init__(self, fetcher: Fetcher, hosts: frozenset[str]) -> None:
        self._fetcher, self._hosts = fetcher, hosts

    async def get(self, url: str) -> HttpAnswer:
        """The answer, whatever its status. Raises: Unavailable; ValueError where the URL may not be asked."""
        try:
            fetched = await self._fetcher.get(url, hosts=self._hosts)
        except FetchFailed as failed:
            if failed.reason in (FetchReason.URL, FetchReason.ADDRESS):
                raise ValueError("the URL may not be asked: https, to a host of scripting.http_hosts") from None
            raise Unavailable("http of scripts", str(failed.reason)) from None
        return HttpAnswer(fetched.status, fetched.content_type, fetched.body.decode("utf-8", "replace"))
