"""Whatever a port is asked and answers has a plain shape: else a decision could not be kept."""

from __future__ import annotations

import pytest

from dcrgw.compliance import values


@pytest.mark.parametrize("label", values.labels())
def test_every_method_of_every_port_can_be_kept(label: str) -> None:
    values.method(label)


def test_a_deletion_recorded_before_its_answer_counted_is_read() -> None:
    answer = values.method("upstream.delete").answer
    assert [answer.read(said) for said in (None, True, False)] == [None, True, False]


def test_a_client_recorded_before_it_was_asked_whether_it_is_new_is_read() -> None:
    kept = {"ref": {"client_id": "client-1"}, "metadata": {}}
    assert values.method("upstream.create").answer.read(kept).is_new is True


@pytest.mark.parametrize("label", ["", "registry", "registry.", "registry.__init__", "nobody.asks", "clock.now.later"])
def test_what_no_port_has_is_told(label: str) -> None:
    with pytest.raises(values.Unreadable):
        values.method(label)
