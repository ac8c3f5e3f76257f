"""The connections of a run: one line a certificate, in a bank's own time."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dcrgw.compliance.conformance import hooks
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.tester import Tester
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.tpp import client, credentials, private_file
from dcrgw.tpp.client import Answer, Line, Outgoing
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.trouble import ConnectionTrouble

_HOUR, _DAY = 3_600, 86_400


@dataclass(slots=True)
class Phone:
    """Calls a bank with one certificate or another. `pause_s` is the least time between two requests."""

    tester: Tester
    folder: Path
    timeout_s: float = 30.0
    pause_s: float = 0.0
    _contexts: dict[str, tuple[ssl.SSLContext, bool]] = field(default_factory=dict)
    _lines: dict[str, tuple[Line, AsyncExitStack]] = field(default_factory=dict)
    _next: float = 0.0

    async def send(self, outgoing: Outgoing, certificate: str = "own") -> Answer:
        """The bank's answer, on the line that shows a certificate.

        A line serves case after case, since a handshake costs more than a request; one that gave trouble is hung up.
        Raises: ConnectionTrouble; Lacking, HookFailed, CredentialsUnusable.
        """
        line = await self._line(certificate)
        await self.turn()
        try:
            return await line.send(outgoing)
        except ConnectionTrouble:
            await self._hang_up(certificate)
            raise

    async def send_each(self, outgoing: Outgoing, certificate: str, times: int) -> list[Answer | ConnectionTrouble]:
        """What comes of a request that is sent so many times at the same moment.

        More than one go out on connections of their own that begin together: none waits for another's handshake.
        Raises: Lacking, HookFailed, CredentialsUnusable.
        """
        if times == 1:
            return [await _heard(self.send(outgoing, certificate))]
        context, shows = await self.context(certificate)
        for _ in range(times):
            await self.turn()
        async with asyncio.TaskGroup() as together:
            each = [
                together.create_task(
                    _heard(client.send(outgoing, context, shows_certificate=shows, timeout_s=self.timeout_s))
                )
                for _ in range(times)
            ]
        return [task.result() for task in each]

    async def hang_up(self) -> None:
        """End every line."""
        for certificate in tuple(self._lines):
            await self._hang_up(certificate)

    async def _hang_up(self, certificate: str) -> None:
        _, opened = self._lines.pop(certificate)
        await opened.aclose()

    async def _line(self, certificate: str) -> Line:
        if certificate not in self._lines:
            context, shows = await self.context(certificate)
            opened = AsyncExitStack()
            line = client.line(context, shows_certificate=shows, timeout_s=self.timeout_s)
            self._lines[certificate] = await opened.enter_async_context(line), opened
        return self._lines[certificate][0]

    async def turn(self) -> None:
        """Wait until the next request may go."""
        now = time.monotonic()
        self._next = max(now, self._next) + self.pause_s
        if self._next - self.pause_s > now:
            await asyncio.sleep(self._next - self.pause_s - now)

    async def context(self, certificate: str) -> tuple[ssl.SSLContext, bool]:
        """The TLS context that shows a certificate, and whether it shows one.

        Raises: Lacking, HookFailed, CredentialsUnusable.
        """
        if certificate not in self._contexts:
            transport = await self._transport(certificate)
            made = credentials.tls_context(transport, self.tester.own.bank.server_ca)
            self._contexts[certificate] = made, transport.is_given
        return self._contexts[certificate]

    async def _transport(self, certificate: str) -> Transport:
        match certificate:
            case "own":
                return self.tester.own.transport
            case "other":
                if self.tester.other is not None:
                    return self.tester.other.transport
                return await self._ordered(certificate, self.tester.hook.other if self.tester.hook else {})
            case "none":
                return Transport()
            case "stranger":
                issued = CertificateAuthority.create("A CA that nobody trusts").issue(
                    "obtransport", software_id="nobody", org_id="nobody"
                )
                return self._kept(certificate, issued.chain_pem, issued.key_pem)
        now = int(time.time())
        return await self._ordered(certificate, {"not_before": now - 30 * _DAY, "not_after": now - _HOUR})

    async def _ordered(self, certificate: str, order: Mapping[str, Any]) -> Transport:
        if not order:
            raise Lacking(certificate)
        chain, key = await hooks.certificate(self.tester.hook, order)
        return self._kept(certificate, chain.encode(), key.encode())

    def _kept(self, name: str, chain: bytes, key: bytes) -> Transport:
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        for path, content in zip(files, (chain, key), strict=True):
            private_file.write(path, content)
        return Transport(*files)


async def _heard(answer: Awaitable[Answer]) -> Answer | ConnectionTrouble:
    try:
        return await answer
    except ConnectionTrouble as trouble:
        return trouble


@asynccontextmanager
async def phone(tester: Tester, *, timeout_s: float, pause_s: float) -> AsyncIterator[Phone]:
    """A phone whose throwaway keys are gone at the end."""
    with TemporaryDirectory(prefix="dcrgw-conformance-") as folder:
        opened = Phone(tester, Path(folder), timeout_s, pause_s)
        try:
            yield opened
        finally:
            await opened.hang_up()
