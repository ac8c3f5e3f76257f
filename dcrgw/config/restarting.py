"""What a running gateway cannot change: where it listens, what it keeps and logs, which scripts it has and how."""

from __future__ import annotations

import re

from dcrgw.config.faults import ConfigFault
from dcrgw.config.model import Settings
from dcrgw.config.walking import walk

#: Keys of settings that count from the next start on.
RESTART_ONLY = re.compile(
    r"script(ing\.|\[\d+\]\.).*|environment|registry\.path|recording\.\w+|logging\.\w+|admin\.(socket|group)|(listeners\.\w+|admin\.tls)\.(host|port)"
)


def restart_faults(serving: Settings, wanted: Settings) -> list[ConfigFault]:
    """A fault for each setting that differs although only a restart can change it."""
    before, after = _fixed(serving), _fixed(wanted)
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    fix = "restart the gateway, or leave it as it was"
    return [ConfigFault(key, "cannot change while the gateway runs", fix) for key in differing]


def _fixed(settings: Settings) -> dict[str, object]:
    found = {setting.key: setting.value for setting in walk(settings) if RESTART_ONLY.fullmatch(setting.key)}
    return {key: value for key, value in found.items() if value is not None}
