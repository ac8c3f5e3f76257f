"""The bank's configuration and files are built beside the tests of `dcrgw.config`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "config"))
