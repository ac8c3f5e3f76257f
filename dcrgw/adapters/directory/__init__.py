"""The Open Banking directory: a token for ourselves, then a SCIM question about the TPP."""
