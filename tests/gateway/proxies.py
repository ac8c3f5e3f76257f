"""Real proxies in front of the town's gateway: they end the TPPs' mutual TLS and pass the certificate on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from town import Town

from dcrgw.sandbox.serving import free_ports

_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {town}/bank/server.pem;
    ssl_certificate_key {town}/bank/server.key;
    ssl_verify_client optional_no_ca;
    location / {{
      proxy_pass https://127.0.0.1:{gateway};
      proxy_http_version 1.1;
      proxy_ssl_protocols TLSv1.3;
      proxy_ssl_certificate {town}/proxy.pem;
      proxy_ssl_certificate_key {town}/proxy.key;
      proxy_set_header Host $http_host;
      proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
    }}
  }}
}}
"""
#: The gateway verifies: HAProxy only has to pass on what it is shown.
_UNVERIFIED = "verify optional ca-ignore-err all crt-ignore-err all"
_HAPROXY = """
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend tpps
  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {town}/ca.pem {verify}
  http-request set-header X-SSL-Client-DER %[ssl_c_der,base64]
  http-request set-header X-SSL-Client-Chain-DER %[ssl_c_chain_der,base64]
  default_backend gateway
backend gateway
  server gateway 127.0.0.1:{gateway} ssl verify none crt {folder}/proxy.pem
"""


@asynccontextmanager
async def nginx(town: Town, folder: Path) -> AsyncIterator[int]:
    """nginx before the gateway's proxied listener; its port."""
    binary = _found("nginx")
    (port,) = free_ports(1)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, town=town.folder, gateway=_gateway(town)))
    async with _running(port, binary, "-c", str(config), "-p", str(folder), "-e", "stderr"):
        yield port


@asynccontextmanager
async def haproxy(town: Town, folder: Path) -> AsyncIterator[int]:
    """HAProxy before the gateway's proxied listener; its port."""
    binary = _found("haproxy")
    (port,) = free_ports(1)
    for name, pair in (("server.pem", "bank/server"), ("proxy.pem", "proxy")):
        parts = [(town.folder / f"{pair}.{end}").read_text() for end in ("pem", "key")]
        (folder / name).write_text("".join(parts))
    config = folder / "haproxy.cfg"
    config.write_text(
        _HAPROXY.format(verify=_UNVERIFIED, folder=folder, port=port, town=town.folder, gateway=_gateway(town))
    )
    async with _running(port, binary, "-db", "-f", str(config)):
        yield port


def _found(name: str) -> str:
    binary = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        pytest.skip(f"{name} is not installed")
    return binary


def _gateway(town: Town) -> int:
    assert town.gateway is not None
    return town.gateway.addresses["proxied"][1]


@asynccontextmanager
async def _running(port: int, *command: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        for _ in range(1200):
            if process.returncode is not None:
                assert process.stderr is not None
                pytest.fail((await process.stderr.read()).decode())
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()
