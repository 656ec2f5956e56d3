"""What a person runs: the command line, the web service and the page."""
