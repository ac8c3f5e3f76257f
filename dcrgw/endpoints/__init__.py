"""What programs reach, strangers to each other: decode, let a flow decide, encode. No rule stands here."""
