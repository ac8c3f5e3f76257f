"""Fresh statements and certificates, made to order by the tester's hook.

An order is a JSON object. A URL takes it as POST below itself, `/statements` or `/certificates`; a command takes it
on its standard input, with the last word of that path as its last argument. Both answer a JSON object:
`{"statement": …}`, or `{"certificate": …, "key": …, "chain": …}` in PEM.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.tester import HookTable
from dcrgw.core import strict_json

STATEMENTS, CERTIFICATES = "statements", "certificates"
_TIMEOUT_S = 30.0


class HookFailed(Exception):
    """The hook gave nothing usable. The message says what happened."""


async def statement(hook: HookTable | None, order: Mapping[str, Any]) -> str:
    """A statement with the ordered `claims`, `without` some and with other members of its `header`.

    Raises: Lacking where no hook makes statements; HookFailed.
    """
    able = _able(hook, STATEMENTS)
    claims = {**order.get("claims", {}), **dict.fromkeys(order.get("without", ()))}
    members = await _asked(able, STATEMENTS, {**able.statement, "claims": claims, "header": order.get("header", {})})
    return _text(members, "statement")


async def certificate(hook: HookTable | None, order: Mapping[str, Any]) -> tuple[str, str]:
    """A certificate with its chain, and its key, both PEM. Raises: Lacking, HookFailed."""
    able = _able(hook, CERTIFICATES)
    members = await _asked(able, CERTIFICATES, {**able.certificate, **order})
    return _text(members, "certificate") + str(members.get("chain", "")), _text(members, "key")


def can(hook: HookTable | None, what: str) -> bool:
    """Whether the hook makes this."""
    return hook is not None and what in hook.makes


def _able(hook: HookTable | None, what: str) -> HookTable:
    if hook is None or what not in hook.makes:
        raise Lacking(f"hook.{what}")
    return hook


async def _asked(hook: HookTable, what: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
    sent = json.dumps(order).encode()
    content = await (_posted(hook.url, what, sent) if hook.url else _run(hook.command, what, sent))
    try:
        return strict_json.loads_object(content)
    except strict_json.JsonRefused:
        raise HookFailed(f"the hook's answer about {what} is no JSON object") from None


async def _posted(url: str, what: str, sent: bytes) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(f"{url.rstrip('/')}/{what}", data=sent, headers=headers) as answer,
        ):
            content = await answer.read()
            if answer.status >= 300:
                raise HookFailed(f"the hook answered an order of {what} with {answer.status}")
            return content
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise HookFailed(f"the hook cannot be reached: {error}") from None


async def _run(command: tuple[str, ...], what: str, sent: bytes) -> bytes:
    if not command:
        raise HookFailed("the hook has neither url nor command")
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, what, stdin=pipe, stdout=pipe)
    except OSError as error:
        raise HookFailed(f"the hook cannot be started: {error.strerror}") from None
    try:
        content, _ = await asyncio.wait_for(process.communicate(sent), _TIMEOUT_S)
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise HookFailed(f"the hook gave no answer within {_TIMEOUT_S:g} seconds") from None
        raise
    if process.returncode:
        raise HookFailed(f"the hook ended with status {process.returncode}")
    return content


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise HookFailed(f"the hook's answer has no {name}")
    return value
