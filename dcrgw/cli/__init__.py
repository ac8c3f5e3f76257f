"""The `dcrgw` command: one file a subcommand, imported only when it is called."""

from __future__ import annotations

import click

from dcrgw.cli.lazy import lazy

#: Subcommand -> (module, attribute, one line of help).
COMMANDS = {
    "run": ("dcrgw.cli.run", "run", "Serve the gateway."),
    "check-config": ("dcrgw.cli.check_config", "check_config", "Judge a configuration without serving it."),
    "reload": ("dcrgw.cli.reload", "reload", "Let a running gateway read its configuration and files anew."),
    "sandbox": ("dcrgw.cli.sandbox", "sandbox", "Serve a test directory, a gateway and a TPP."),
    "tpp": ("dcrgw.cli.tpp", "tpp", "Act as a TPP against any bank."),
    "clients": ("dcrgw.cli.clients", "clients", "Look after the registered clients of a running gateway."),
    "reconcile": ("dcrgw.cli.reconcile", "reconcile", "Tell where registry and authorization servers differ; mend it."),
    "scripts": ("dcrgw.cli.scripts", "scripts", "Look after the bank's scripts, and try them offline."),
    "keys": ("dcrgw.cli.keys", "keys", "Show and rotate the gateway's own signature keys."),
    "keystore": ("dcrgw.cli.keystore", "keystore", "Look at, check, make and convert key and trust stores."),
    "cert": ("dcrgw.cli.cert", "cert", "Explain a certificate: whom it names, and which rule refuses it."),
    "doctor": ("dcrgw.cli.doctor", "doctor", "Find out what is wrong around the gateway."),
    "customers": ("dcrgw.cli.customers", "customers", "Keep the file of customers who sign in on the gateway's pages."),
    "checks": ("dcrgw.cli.checks", "checks", "Look up what is checked, what passes and what fails."),
    "evidence": ("dcrgw.cli.evidence", "evidence", "Look through recorded decisions, and take them out as bundles."),
    "replay": ("dcrgw.cli.replay", "replay", "Decide recorded requests again, and compare."),
    "conformance": ("dcrgw.cli.conformance", "conformance", "Play a standard's demands against any bank."),
    "whatif": ("dcrgw.cli.whatif", "whatif", "Spoil a good registration in every way, and see what refuses it."),
    "explain": ("dcrgw.cli.explain", "explain", "Show why the last request was decided as it was."),
}


@click.group(cls=lazy(COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dcrgw")
def main() -> None:
    """The Open Banking registration gateway."""
