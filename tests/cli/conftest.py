"""The bank's configuration is built beside the tests of `dcrgw.config`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "config"))
