from dataclasses import fields

import pytest

from dcrgw.core.evidence import Journal
from dcrgw.errors import Unavailable
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded


class Answering:
    """Stands for any port: one method that waits, one that does not, one that fails."""

    def now(self):
        return 7.0

    async def of_directory(self, directory, kid):
        return f"{directory}/{kid}"

    async def standing(self, *question):
        raise Unavailable("directory", "down")


@pytest.fixture
def told():
    journal = Journal()
    return recorded(Ports(*(Answering() for _ in fields(Ports))), journal), journal


async def test_every_question_and_answer_is_noted_in_order(told):
    ports, journal = told
    assert ports.clock.now() == 7.0
    assert await ports.keysets.of_directory("uk", "k1") == "uk/k1"
    assert [(e.port, e.question, e.answer) for e in journal.entries] == [
        ("clock.now", (), 7.0),
        ("keysets.of_directory", ("uk", "k1"), "uk/k1"),
    ]


async def test_a_failing_port_is_evidence_too(told):
    ports, journal = told
    with pytest.raises(Unavailable):
        await ports.directories.standing("uk", "software", None)
    assert isinstance(journal.entries[0].answer, Unavailable)
