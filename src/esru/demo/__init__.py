"""The demo on the board: its parameters, its exact model, and the host that checks it."""
