"""OAuth rules: client authentication, grants, tokens, who may manage a client, and the discovery document."""
