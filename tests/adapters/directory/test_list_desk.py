"""A directory that publishes one list: fetched once for all who ask, kept for its time, never guessed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from dcrgw.adapters.directory.settings import ListedDirectory
from dcrgw.adapters.directory.standing import DirectoryStanding
from dcrgw.adapters.fetcher import Fetched, FetchFailed, FetchReason
from dcrgw.errors import Misconfigured, Unavailable

URL = "https://directory.example/participants"


@dataclass
class Source:
    """Answers with what a test puts here; counts how often it was asked."""

    status: str = "Active"
    answer: int = 200
    failure: FetchFailed | None = None
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, url: str, *, hosts: Any, headers: Any = None) -> Fetched:
        self.asked.append(url)
        self.headers = dict(headers or {})
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        body = json.dumps([{"OrganisationId": "org-1", "Status": self.status}]).encode()
        return Fetched(self.answer, "application/json", body)


@dataclass
class Clock:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directories(source: Source, clock: Clock) -> DirectoryStanding:
    listed = ListedDirectory("brazil", "participants", URL, source)  # type: ignore[arg-type]
    return DirectoryStanding([listed], answers_s=60, clock=clock, now=lambda: 1_000 + clock.at)


async def test_one_list_answers_everybody_for_its_time(
    directories: DirectoryStanding, source: Source, clock: Clock
) -> None:
    words = await asyncio.gather(*(directories.standing("brazil", f"app-{i}", "org-1") for i in range(5)))
    assert all(word.organisation_active for word in words)
    assert (source.asked, words[0].observed_at, words[0].source) == ([URL], 1_100.0, URL)
    source.status = "Inactive"
    assert (await directories.standing("brazil", "app-9", "org-1")).organisation_active
    clock.at += 61
    assert not (await directories.standing("brazil", "app-9", "org-1")).organisation_active
    assert len(source.asked) == 2
    directories.purge()
    await directories.standing("brazil", "app-9", "org-1")
    assert len(source.asked) == 3


async def test_no_list_is_no_answer(directories: DirectoryStanding, source: Source) -> None:
    source.answer = 500
    with pytest.raises(Unavailable):
        await directories.standing("brazil", "app", "org-1")
    source.answer, source.failure = 200, FetchFailed(FetchReason.TIMEOUT, "slow")
    with pytest.raises(Unavailable):
        await directories.standing("brazil", "app", "org-1")
    source.failure = None
    assert (await directories.standing("brazil", "app", "org-1")).found


async def test_a_list_does_not_tell_of_banks(directories: DirectoryStanding) -> None:
    with pytest.raises(Misconfigured):
        await directories.own_standing("brazil")
