"""Lists of revoked certificates in files, renewed while TPPs register: nobody is refused but who was taken back."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from cryptography import x509
from town import UK, Town, running

from dcrgw.testkit.revocation import revocation_list

BY_FILES = 'methods = ["crl"]\ncrl_files = ["root.crl", "issuing.crl"]\nrenew_s = 0'
#: How often the lists are renewed.
TIMES = 8


def publish(town: Town, number: int, revoked: tuple[int, ...] = ()) -> None:
    """Both authorities' lists, each renamed over the one before it."""
    authorities = town.session.parties.authorities
    for name, authority, serials in (("root", authorities.root, ()), ("issuing", authorities.issuing, revoked)):
        fresh = town.folder / f"{name}.crl.new"
        fresh.write_bytes(revocation_list(authority, serials, at=time.time() - 60 + number, number=number))
        fresh.rename(town.folder / f"{name}.crl")


async def test_lists_renewed_under_load_refuse_nobody_but_who_was_taken_back(tmp_path: Path) -> None:
    async with running(tmp_path / "sandbox", lambda text: f"{text}\n[reload]\ninterval_s = 0\n") as town:
        publish(town, 1)
        config = town.session.config
        config.write_text(re.sub(r"hosts = \[[^\n]*\]\nrenew_s = 0", BY_FILES, config.read_text()))
        assert not (await town.gateway.reload()).faults
        asked_before = (await town.asked()).count("crl")
        statuses: list[int] = []
        is_over = asyncio.Event()

        async def register() -> None:
            while not is_over.is_set():
                statuses.append((await town.post(await town.body())).status)

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(register())
            for number in range(2, 2 + TIMES):
                publish(town, number)
                assert not (await town.gateway.reload()).faults
                reached = len(statuses) + 3
                while len(statuses) < reached:  # noqa: ASYNC110 - the TPPs are not to know that they are watched
                    await asyncio.sleep(0.01)
            is_over.set()
        assert set(statuses) == {201}
        assert (await town.asked()).count("crl") == asked_before

        own = town.folder / town.index(UK)["transport_cert"]
        serial = x509.load_pem_x509_certificates(own.read_bytes())[0].serial_number
        publish(town, 2 + TIMES, (serial,))
        assert not (await town.gateway.reload()).faults
        reply = await town.post(await town.body())
        assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])
