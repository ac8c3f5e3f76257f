"""Ports made real: key sets and directories over guarded HTTP, the registry on SQLite, keystores, sealing, clock."""
