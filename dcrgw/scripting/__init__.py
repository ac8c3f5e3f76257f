"""The bank's interception scripts: what an author imports (`types`, `contexts`), and what loads and runs them."""
