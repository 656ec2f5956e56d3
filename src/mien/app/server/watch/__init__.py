"""What an operator sees of the service: counters, logs, traces."""
