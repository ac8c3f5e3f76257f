from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.addresses import is_permitted


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "232.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "",
        "localhost",
        "2130706433",
        "127.1",
    ],
)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_permitted(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_address_is_permitted(address: str) -> None:
    assert is_permitted(address)


def test_named_network_is_permitted_also_when_dressed_as_ipv6() -> None:
    allowed = (ip_network("127.0.0.0/8"), ip_network("fd00:1::/64"))
    assert is_permitted("127.0.0.1", allowed)
    assert is_permitted("::ffff:127.0.0.1", allowed)
    assert is_permitted("fd00:1::5", allowed)
    assert not is_permitted("10.0.0.1", allowed)
    assert not is_permitted("::1", allowed)
    assert not is_permitted("fd00:2::5", allowed)


@given(st.ip_addresses())
@settings(max_examples=200)
def test_nothing_that_ipaddress_calls_private_is_ever_permitted(address: object) -> None:
    ip = ip_address(str(address))
    if ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        mapped = getattr(ip, "ipv4_mapped", None)
        assert not is_permitted(str(ip)) or (mapped is not None and mapped.is_global)


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_any_text_gets_an_answer(text: str) -> None:
    assert is_permitted(text) in (True, False)
