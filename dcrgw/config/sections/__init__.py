"""The sections of the settings, a file for each group; `dcrgw.config.model` is the whole."""
