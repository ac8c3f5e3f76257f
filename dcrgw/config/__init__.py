"""The operator's settings: one TOML file, read once, judged whole.

`loading` is the door, `model` the settings themselves, `rules` what spans several settings.
"""
