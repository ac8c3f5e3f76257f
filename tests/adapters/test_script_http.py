"""GET requests of scripts: only to admitted hosts, and an outage is told apart from a URL that may not be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from dcrgw.adapters.fetch_failures import FetchFailed, FetchReason
from dcrgw.adapters.fetcher import Fetched, Fetcher
from dcrgw.adapters.script_http import ScriptHttp
from dcrgw.errors import Unavailable
from dcrgw.ports.http import HttpAnswer

HOSTS = frozenset({"risk.example"})


@dataclass
class Fetching:
    answer: Fetched | FetchFailed
    hosts: Any = None

    async def get(self, url: str, *, hosts: frozenset[str] | None) -> Fetched:
        self.hosts = hosts
        if isinstance(self.answer, FetchFailed):
            raise self.answer
        return self.answer


def http_of(fetching: Fetching) -> ScriptHttp:
    return ScriptHttp(cast(Fetcher, fetching), HOSTS)


async def test_an_answer_comes_as_text_from_admitted_hosts_alone() -> None:
    fetching = Fetching(Fetched(200, "application/json", b'{"risk": "low\xff"}'))
    answer = await http_of(fetching).get("https://risk.example/1")
    assert answer == HttpAnswer(200, "application/json", '{"risk": "low\ufffd"}')
    assert fetching.hosts == HOSTS


@pytest.mark.parametrize("reason", list(FetchReason))
async def test_a_failure_is_an_outage_unless_the_url_is_at_fault(reason: FetchReason) -> None:
    is_the_urls = reason in (FetchReason.URL, FetchReason.ADDRESS)
    with pytest.raises(ValueError if is_the_urls else Unavailable):
        await http_of(Fetching(FetchFailed(reason, "x"))).get("https://risk.example/1")
