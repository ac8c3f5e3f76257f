"""The TPP's side of the trade: build a registration request, sign it, send it, say what came of it."""
