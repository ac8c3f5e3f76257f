"""The speed of the gateway, as ratios that any machine may repeat. docs/performance.md says what and why."""
