"""Groups that list their commands but import only the one that is called: most take longer to import than to run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

#: Subcommand -> (module, attribute, one line of help).
Commands = Mapping[str, tuple[str, str, str]]


def lazy(commands: Commands) -> type[click.Group]:
    """The class of a group of these commands, in their order."""

    class LazyGroup(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return list(commands)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in commands:
                return None
            module, attribute, _ = commands[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(name, summary) for name, (_, _, summary) in commands.items()])

    return LazyGroup
