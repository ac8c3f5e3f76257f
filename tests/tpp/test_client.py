"""Answers, and the ways of getting none, over real TLS."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from dcrgw.sandbox.serving import free_ports
from dcrgw.tpp import client, credentials
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.trouble import ConnectionTrouble, refusing_alert

BOTH = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def outgoing(bank, **changes) -> Outgoing:
    return Outgoing(**{"url": bank.url, "body": b"x" * 8_000, "media_type": "application/jose", **changes})


async def send(bank, files, transport: Transport, **options):
    context = credentials.tls_context(transport, files["ca.pem"])
    return await client.send(outgoing(bank), context, shows_certificate=transport.is_given, **options)


async def trouble_at(url: str, files, transport: Transport) -> ConnectionTrouble:
    context = credentials.tls_context(transport, files["ca.pem"])
    request = Outgoing(url, b"x" * 100_000, "application/jose")
    with pytest.raises(ConnectionTrouble) as caught:
        await client.send(request, context, shows_certificate=transport.is_given)
    return caught.value


def shown(files, issued) -> Transport:
    (files.folder / "other.pem").write_bytes(issued.chain_pem + issued.key_pem)
    return Transport(files["other.pem"])


async def test_the_bank_gets_the_request_and_we_its_answer(bank, files):
    bank.status, bank.headers = 400, {"x-fapi-interaction-id": "i1"}
    context = credentials.tls_context(Transport(files["transport.pem"], files["transport.key"]), files["ca.pem"])
    answer = await client.send(outgoing(bank, headers={"x-a": "b"}), context, shows_certificate=True)
    assert (answer.status, answer.members) == (400, {"client_id": "c1"})
    assert answer.headers["x-fapi-interaction-id"] == "i1"
    assert 0 < answer.connected_ms <= answer.total_ms
    (arrived,) = bank.arrived
    assert arrived.body == b"x" * 8_000
    assert arrived.certificate == files.transport.der
    assert arrived.headers["Content-Type"] == "application/jose"
    assert arrived.headers["Accept"] == "application/json"
    assert arrived.headers["x-a"] == "b"


async def test_a_key_store_shows_the_same_certificate(bank, files):
    await send(bank, files, Transport(pkcs12=files["transport.p12"], password=f"file:{files['password']}"))
    assert bank.arrived[0].certificate == files.transport.der


async def test_an_answer_that_is_no_json_has_no_members(bank, files):
    bank.answer = b"<html>"
    answer = await send(bank, files, Transport(files["transport.pem"], files["transport.key"]))
    assert (answer.body, answer.members) == (b"<html>", {})


async def test_an_endless_answer_is_cut(bank, files):
    bank.answer = b"x" * (client.MAX_ANSWER_BYTES + 100_000)
    answer = await send(bank, files, Transport(files["transport.pem"], files["transport.key"]))
    assert len(answer.body) == client.MAX_ANSWER_BYTES


@pytest.mark.parametrize("version", BOTH)
async def test_a_missing_client_certificate_is_told(open_judge, files, version):
    trouble = await trouble_at(open_judge(version), files, Transport())
    assert trouble.alert in {"CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"}
    assert "--cert" in trouble.advice


@pytest.mark.parametrize("version", BOTH)
async def test_a_certificate_of_an_unknown_ca_is_told(open_judge, files, version, foreign_authority):
    foreign = shown(files, foreign_authority.issue("obtransport", key_type="p256"))
    assert (await trouble_at(open_judge(version), files, foreign)).alert == "UNKNOWN_CA"


@pytest.mark.parametrize("version", BOTH)
async def test_an_expired_certificate_is_told(open_judge, files, version, authority):
    years_ago = datetime(2020, 1, 1, tzinfo=UTC)
    past = authority.issue(
        "obtransport", key_type="p256", not_before=years_ago, not_after=years_ago + timedelta(days=9)
    )
    assert (await trouble_at(open_judge(version), files, shown(files, past))).alert == "CERTIFICATE_EXPIRED"


@pytest.mark.parametrize("version", BOTH)
async def test_a_certificate_that_is_not_for_clients_is_told(open_judge, files, version, authority):
    wrong = authority.issue("obtransport", key_type="p256", eku=("serverAuth",))
    assert (await trouble_at(open_judge(version), files, shown(files, wrong))).alert == "UNSUPPORTED_CERTIFICATE"


@pytest.mark.parametrize("version", BOTH)
async def test_a_server_that_just_closes_is_told_too(open_bank, files, version):
    bank = await open_bank(version=version)
    trouble = await trouble_at(bank.url, files, Transport())
    assert trouble.alert
    assert "--cert" in trouble.advice
    assert not bank.arrived


async def test_a_server_of_another_name_or_ca_is_not_trusted(open_bank, files, foreign_authority):
    bank = await open_bank(server_name="bank.example")
    with pytest.raises(ConnectionTrouble) as caught:
        await send(bank, files, Transport(files["transport.pem"], files["transport.key"]))
    assert "--server-ca" in caught.value.advice
    (files.folder / "ca.pem").write_bytes(foreign_authority.certificate_pem)
    with pytest.raises(ConnectionTrouble) as caught:
        await send(await open_bank(), files, Transport(files["transport.pem"], files["transport.key"]))
    assert "--server-ca" in caught.value.advice


async def test_a_closed_port_is_told(bank, files):
    (port,) = free_ports(1)
    bank.url = f"https://127.0.0.1:{port}/register"
    with pytest.raises(ConnectionTrouble) as caught:
        await send(bank, files, Transport())
    assert not caught.value.alert


async def test_a_server_without_tls_is_told(bank, files):
    async def greet(_reader, writer):
        writer.write(b"220 not TLS\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        bank.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/register"
        with pytest.raises(ConnectionTrouble) as caught:
            await send(bank, files, Transport())
    assert not caught.value.alert


async def test_silence_is_told(bank, files):
    silent = asyncio.Event()

    async def wait(_reader, writer):
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        bank.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/register"
        with pytest.raises(ConnectionTrouble):
            await send(bank, files, Transport(), timeout_s=0.05)
        silent.set()


@pytest.mark.parametrize("url", ["no url", "ftp://localhost/register", "http:///x", "https://localhost:99999/"])
async def test_what_is_no_url_is_told(bank, files, url):
    bank.url = url
    with pytest.raises(ConnectionTrouble):
        await send(bank, files, Transport())


async def test_redirects_are_not_followed(bank, files):
    bank.status, bank.headers = 307, {"Location": bank.url}
    answer = await send(bank, files, Transport(files["transport.pem"], files["transport.key"]))
    assert answer.status == 307
    assert len(bank.arrived) == 1


def test_an_alert_is_found_behind_other_exceptions():
    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    outer = ConnectionResetError()
    outer.__cause__ = alert
    assert refusing_alert(outer) == "CERTIFICATE_REQUIRED"
    assert refusing_alert(ConnectionResetError()) is None
