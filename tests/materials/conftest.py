"""The bank's configuration is built beside the tests of `dcrgw.config`, the HSM beside those of the adapters."""

import sys
from pathlib import Path

for room in ("config", "adapters"):
    sys.path.append(str(Path(__file__).parents[1] / room))
