"""The least that a gateway of this build could cost: its edge and its store with nothing between them.

usage: python -m bench.bare PORT CERTIFICATE KEY CLIENT_CA DATABASE

Mutual TLS, HTTP, one event a request, one synced row before each answer; no check, no script, no evidence.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import ssl
import sys
from functools import partial
from pathlib import Path

from aiohttp import web
from cryptography import x509

from dcrgw.adapters.sqlite import connections
from dcrgw.adapters.sqlite.writer import Writer
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.edge.logging import set_up_logging
from dcrgw.edge.tls import server_context

_TABLE = "CREATE TABLE clients (client_id TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT"
_STORE = "INSERT INTO clients (client_id, document) VALUES (?, ?)"


async def _serve(port: int, context: ssl.SSLContext, database: Path) -> None:
    connections.make_file(database)
    connection = connections.writing_connection(database, 2.0, suspicious=False)
    connection.execute(_TABLE)
    connection.close()
    writer = Writer(lambda suspicious: connections.writing_connection(database, 2.0, suspicious=suspicious))
    await writer.start()

    async def register(request: web.BaseRequest, exchange: Exchange) -> web.Response:
        document, client_id = json.loads(await request.read()), secrets.token_hex(16)
        document["client_id"] = client_id
        await writer.run(partial(_store, client_id, json.dumps(document)))
        return json_answer(201, document, exchange)

    listener = Listener("bare", register, port=port, limits=Limits(), ssl_context=context)
    await listener.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


def _store(client_id: str, document: str, connection: sqlite3.Connection) -> None:
    connection.execute(_STORE, (client_id, document))


def _context(certificate: str, key: str, anchors: str) -> ssl.SSLContext:
    trusted = x509.load_pem_x509_certificates(Path(anchors).read_bytes())
    return server_context(lambda context: context.load_cert_chain(certificate, key), client_anchors=trusted)


if __name__ == "__main__":
    port, certificate, key, anchors, database = sys.argv[1:]
    set_up_logging("json", stream=sys.stderr)
    asyncio.run(_serve(int(port), _context(certificate, key, anchors), Path(database)))
