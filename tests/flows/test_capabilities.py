"""What scripts may ask of a request's ports, and what they may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dcrgw.core.jose.keys import key_set
from dcrgw.core.registration.standing import Standing
from dcrgw.flows.capabilities import capability
from dcrgw.ports.http import HttpAnswer, NoHttp
from dcrgw.testkit.keys import SigningKey, jwks

STANDING = Standing(True, "org-1", "software-1", True, True, frozenset({"PISP", "AISP"}), None, 1.0, "x")


class Asked:
    """Ports that answer, and note what they were asked."""

    def __init__(self) -> None:
        self.key = SigningKey.generate("k-1", "PS256")
        self.questions: list[tuple[Any, ...]] = []
        self.directories = self.keysets = self.http = self

    async def standing(self, *question: Any) -> Standing:
        self.questions.append(question)
        return STANDING

    async def of_directory(self, *question: Any) -> Any:
        self.questions.append(question)
        return key_set(jwks(self.key))

    async def of_software(self, *question: Any) -> Any:
        self.questions.append(question)
        return key_set(jwks(self.key))

    async def get(self, *question: Any) -> HttpAnswer:
        self.questions.append(question)
        return HttpAnswer(404, "text/plain", "gone")


async def ask(ports: Any, name: str, arguments: Sequence[Any]) -> Any:
    return await capability(ports, ["ob"])(name, arguments)


async def test_the_directorys_word_comes_as_json() -> None:
    ports = Asked()
    told = await ask(ports, "directory.standing", ["ob", "software-1", "org-1"])
    assert (told["found"], told["software_roles"], told["authorisations"]) == (True, ["AISP", "PISP"], None)
    assert ports.questions == [("ob", "software-1", "org-1")]


async def test_key_sets_come_as_public_keys() -> None:
    ports = Asked()
    for arguments, question in (
        (["ob", None, "k-1"], ("ob", "k-1")),
        (["ob", "https://keys.example/1", "k-1"], ("ob", "https://keys.example/1", "k-1")),
    ):
        (key,) = (await ask(ports, "keysets.get", arguments))["keys"]
        assert (key["kid"], key["kty"], "d" in key) == ("k-1", "RSA", False)
        assert ports.questions[-1] == question


async def test_http_answers_come_whatever_their_status() -> None:
    told = await ask(Asked(), "http.get", ["https://risk.example/1"])
    assert told == {"status": 404, "media_type": "text/plain", "text": "gone"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("directory.standing", ["another", "software-1", None]),
        ("directory.standing", ["ob"]),
        ("directory.standing", ["ob", 5, None]),
        ("directory.standing", ["ob", "x" * 3000, None]),
        ("keysets.get", ["another", None, ""]),
        ("keysets.get", ["ob", "https://keys.example/" + "x" * 3000, ""]),
        ("http.get", [["https://risk.example/1"]]),
        ("http.post", ["https://risk.example/1"]),
        ("registry.commit", []),
        ("", []),
    ],
)
async def test_a_question_of_another_form_or_about_another_directory_reaches_no_port(
    name: str, arguments: Sequence[Any]
) -> None:
    ports = Asked()
    with pytest.raises(ValueError):  # noqa: PT011 - the script's fault, whatever its words
        await ask(ports, name, arguments)
    assert ports.questions == []


async def test_where_no_host_is_admitted_none_is_asked() -> None:
    with pytest.raises(ValueError, match="http_hosts"):
        await NoHttp().get("https://risk.example/1")
