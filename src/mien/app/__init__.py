"""What a person runs: the command line and, later, the server."""
