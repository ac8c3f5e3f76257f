"""The speed of the gateway, as ratios that any machine may repeat. bench/goals.py names the goals."""
