"""`dcrgw run`: serve until told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import click

from dcrgw import app
from dcrgw.cli.calm import calm_collector
from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import CONFIG
from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.edge.drain import noted_signals
from dcrgw.edge.events import log_event
from dcrgw.edge.logging import set_up_logging
from dcrgw.errors import GatewayError
from dcrgw.scripting.worker.kernel import hide_memory


@click.command()
@CONFIG
def run(path: Path) -> None:
    """Serve the gateway until SIGTERM or SIGINT; requests under way get their answers first."""
    try:
        settings = load(path)
        log = set_up_logging(
            settings.logging.format, level=logging.getLevelNamesMapping()[settings.logging.level.upper()]
        )
        if not settings.is_sandbox:
            hide_memory()
        try:
            orderly = asyncio.run(_serve(settings))
        finally:
            log.stop()
    except ConfigurationRefused as refused:
        show_faults("refused", refused.faults, "red")
        sys.exit(1)
    except GatewayError as failure:
        click.echo(f"dcrgw does not start: {failure}", err=True)
        sys.exit(1)
    sys.exit(0 if orderly else 1)


async def _serve(settings: Settings) -> bool:
    # Noted from before anything listens: a signal right after the start is no less orderly.
    with noted_signals() as arrived:
        gateway = await app.start(settings)
        with calm_collector():
            for warning in gateway.materials.warnings:
                log_event("configuration_warning", setting=warning.key, reason=warning.reason, fix=warning.fix)
            for name, (host, port) in gateway.addresses.items():
                log_event("listening", listener=name, host=host, port=port)
            return await gateway.serve_until_signal(arrived)
