"""Whatever a port is asked and answers has a plain shape: else a decision could not be kept."""

from __future__ import annotations

import pytest

from dcrgw.compliance import values


@pytest.mark.parametrize("label", values.labels())
def test_every_method_of_every_port_can_be_kept(label: str) -> None:
    values.method(label)


@pytest.mark.parametrize("label", ["", "registry", "registry.", "registry.__init__", "nobody.asks", "clock.now.later"])
def test_what_no_port_has_is_told(label: str) -> None:
    with pytest.raises(values.Unreadable):
        values.method(label)
