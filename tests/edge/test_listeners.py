from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import asyncio
from dcrgw.edge.listeners import Listener
from dcrgw.errors import Misconfigured
try:
    asyncio.run(Listener("register", None).start())
except Misconfigured:
    print("refused")
"""


def test_parser_without_its_c_extension_is_refused_at_start():
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr
