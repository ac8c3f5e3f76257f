"""What stands between a socket and a handler: TLS, deadlines, caps, answers to failures, the log, the drain."""
