"""`dcrgw checks`: the catalogue of checks, with what each takes and refuses."""

from __future__ import annotations

import json
from typing import Any

import click

_JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.group()
def checks() -> None:
    """Look up what the gateway checks: every id that answers, reports and audit rows name."""


@checks.command("list")
@click.option("--stage", help="Only ids that begin with this: tls, statement, rules.redirect_uris, ...")
@_JSON
def list_(stage: str | None, as_json: bool) -> None:
    """List every check with its sentence."""
    from dcrgw.cli.tables import show_rows

    found = [each for each in _catalogue() if stage is None or f"{each['check']}.".startswith(f"{stage}.")]
    if not found:
        raise click.ClickException(f"no check begins with {stage}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    show_rows(("check", "sentence"), [(each["check"], each["rule"]) for each in found])


@checks.command()
@click.argument("check")
@_JSON
def show(check: str, as_json: bool) -> None:
    """Show one CHECK: its sentence, clause and answer, the profiles that use it, what passes and what fails it."""
    found = next((each for each in _catalogue() if each["check"] == check), None)
    if found is None:
        near = ", ".join(each["check"] for each in _catalogue() if check.rpartition(".")[2] in each["check"])[:300]
        raise click.ClickException(f"there is no check {check}" + (f"; perhaps {near}" if near else ""))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.secho(found["check"], bold=True)
    click.echo(f"  {found['rule']}")
    click.echo(f"  clause    {found['spec']}")
    click.echo(f"  answer    {found['status']} {found['error']}")
    click.echo(f"  used by   {', '.join(found['profiles']) or 'no profile as shipped: a market may switch it on'}")
    for example in found["passes"]:
        click.echo(click.style("  passes    ", fg="green") + example)
    for example in found["fails"]:
        where = f" ({example['profile']})" if example["profile"] else ""
        click.echo(click.style("  fails     ", fg="red") + example["sends"] + where)
    if found["fix"]:
        click.echo(f"  to do     {found['fix']}")


def _catalogue() -> list[dict[str, Any]]:
    """Every check with its examples."""
    import dcrgw.app  # noqa: F401  (declares every check)
    from dcrgw.compliance.catalogue import whole

    return list(whole())
