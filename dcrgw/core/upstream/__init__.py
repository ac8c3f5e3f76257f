"""What stands behind a market in place of the built-in authorization server: values and judgement, no IO."""
