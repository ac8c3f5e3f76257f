"""The example scripts that a sandbox's bank runs: config/scripts of the project, or as they were installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dcrgw

#: Where a sandbox keeps its copies, to be edited while the gateway serves.
FOLDER = "scripts"
NAMES = ("client_registration", "introspection", "payment_initiation", "account_information", "recurring_payments")
_PLACES = (Path(dcrgw.__file__).parents[1] / "config/scripts", Path(sys.prefix) / "share/dcrgw/scripts")


def files() -> Iterator[Path]:
    """The examples with what lies beside them. Raises: FileNotFoundError."""
    folder = next((each for each in _PLACES if (each / f"{NAMES[0]}.py").is_file()), None)
    if folder is None:
        raise FileNotFoundError(f"the example scripts are in neither {_PLACES[0]} nor {_PLACES[1]}")
    for name in NAMES:
        yield from sorted(folder.glob(f"{name}.*"))
