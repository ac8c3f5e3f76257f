"""What the gateway does to itself."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from dcrgw.scripting.worker import kernel
before = kernel.prctl(3)
print(before, kernel.hide_memory(), kernel.prctl(3))
"""


def test_a_process_can_hide_its_memory_from_others_of_its_user() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=120)
    assert told.stdout.split()[1:] == ["True", "0"]
