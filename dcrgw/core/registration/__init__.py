"""From bytes to a `RegisteredClient`: statement, request, metadata, rules, standing, by the profile of a market."""
