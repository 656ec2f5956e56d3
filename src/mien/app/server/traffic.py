"""What is open at the moment and how fast each client asks; it outlives a reload, so that limits hold across it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mien.app.server.connections import Connections
from mien.app.server.inflow import Rates
from mien.app.server.settings import Settings

__all__ = ["Traffic"]


@dataclass(eq=False)
class Traffic:
    """Counts that belong to the process and not to its settings.

    Args:
        settings: the first ones.

    """

    settings: Settings
    connections: Connections = field(init=False)
    rates: Rates = field(init=False)
    open: int = 0
    """Requests and live connections that are open."""
    live: int = 0
    """Live connections that are open."""

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.connections = Connections(limits.connections, limits.connections_per_address, self.settings.proxies)
        self.rates = Rates(limits.requests_per_minute)
