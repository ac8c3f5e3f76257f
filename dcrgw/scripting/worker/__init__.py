"""What runs in the processes that scripts live in: the template that is forked, and the worker that serves calls.

Nothing here reads settings, opens sockets or knows a secret; a worker knows one script and its properties.
"""
