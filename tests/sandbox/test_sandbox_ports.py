"""The sandbox's ports are its own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dcrgw.sandbox.serving import LOOPBACK, free_ports


def test_free_ports_differ_and_can_be_had() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as listener:
            listener.bind((LOOPBACK, port))


def test_no_port_is_given_twice() -> None:
    given = [port for _ in range(40) for port in free_ports(5)]
    assert len(set(given)) == 200


def test_a_free_port_is_none_that_the_kernel_lends_to_connections() -> None:
    told = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not told.exists():
        pytest.skip("only Linux tells which ports it lends")
    least, most = (int(each) for each in told.read_text().split())
    if least < 11_000:
        pytest.skip("this machine lends nearly every port")
    assert not [port for port in free_ports(50) if least <= port <= most]
