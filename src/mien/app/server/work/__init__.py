"""The work of the service: who reads pictures, live frames and videos, in threads or in processes of their own."""
