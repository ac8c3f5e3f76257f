"""The use cases, each a page that reads from top to bottom: start with `create.create`."""
