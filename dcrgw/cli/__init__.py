"""The `dcrgw` command: one file a subcommand, imported only when it is called."""

from __future__ import annotations

import importlib

import click

#: Subcommand -> (module, attribute, one line of help).
COMMANDS = {
    "run": ("dcrgw.cli.run", "run", "Serve the gateway."),
    "check-config": ("dcrgw.cli.check_config", "check_config", "Judge a configuration without serving it."),
    "sandbox": ("dcrgw.cli.sandbox", "sandbox", "Serve a test directory, a gateway and a TPP."),
    "tpp": ("dcrgw.cli.tpp", "tpp", "Act as a TPP against any bank."),
    "clients": ("dcrgw.cli.clients", "clients", "Look after the registered clients of a running gateway."),
    "scripts": ("dcrgw.cli.scripts", "scripts", "Look after the bank's scripts, and try them offline."),
    "keys": ("dcrgw.cli.keys", "keys", "Show and rotate the gateway's own signature keys."),
    "customers": ("dcrgw.cli.customers", "customers", "Keep the file of customers who sign in on the gateway's pages."),
    "evidence": ("dcrgw.cli.evidence", "evidence", "Look through recorded decisions, and take them out as bundles."),
    "replay": ("dcrgw.cli.replay", "replay", "Decide recorded requests again, and compare."),
    "whatif": ("dcrgw.cli.whatif", "whatif", "Spoil a good registration in every way, and see what refuses it."),
    "explain": ("dcrgw.cli.explain", "explain", "Show why the last request was decided as it was."),
}


class _LazyGroup(click.Group):
    """Lists all commands but imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcrgw")
def main() -> None:
    """The Open Banking registration gateway."""
