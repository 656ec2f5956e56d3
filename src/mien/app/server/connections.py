"""Connections: how many there may be, of one address and in all, and which one gives way to a newer one.

HTTP and time limits are handled by `mien.app.server.http`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

__all__ = ["REASONS", "Connections"]

REASONS = ("full", "address", "idle", "slow")
"""Why connections are closed: no place, too many of one address, gave way to a newer one, took too long."""

_SHARE = 0.5
"""Of the descriptors that the process may open; the others are for models, videos and the answers' files."""


@dataclass(eq=False)
class _Entry:
    """One connection; `busy` while a request is being answered, or for good once it is a WebSocket."""

    transport: asyncio.Transport
    client: str
    busy: bool = False


@final
class Connections:
    """All open connections of a service, oldest first; used by the event loop's thread alone.

    Args:
        most: connections at the same time; at most half of what the process may open.
        most_of_one: connections of one address.
        proxies: addresses or networks whose connections are many people's, so that only `most` holds for them; "*" for
            all.

    """

    def __init__(self, most: int, most_of_one: int, proxies: Sequence[str]) -> None:
        self._most = min(most, _descriptors())
        self._most_of_one = most_of_one
        self._any_proxy = "*" in proxies
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies if proxy != "*"]
        self._entries: dict[asyncio.Transport, _Entry] = {}
        self._busy: set[asyncio.Transport] = set()
        self._of: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        """How many were closed, by one of `REASONS`."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, transport: asyncio.Transport, client: str) -> bool:
        """Take a new connection, or close it, or the oldest idle one for it; whether it may stay."""
        if not self._is_proxy(client) and self._of[client] >= self._most_of_one:
            return self._close(transport, "address")
        if len(self._entries) >= self._most:
            self._forget_closed()
        if len(self._entries) >= self._most:
            idle = next((entry for entry in self._entries.values() if not entry.busy), None)
            if idle is None:
                return self._close(transport, "full")
            self.remove(idle.transport)
            self._close(idle.transport, "idle")
        self._entries[transport] = _Entry(transport, client)
        self._of[client] += 1
        return True

    def busy(self, transport: asyncio.Transport, busy: bool) -> None:
        """Whether a request of this connection is being answered; one that gave way meanwhile is no longer known."""
        entry = self._entries.get(transport)
        if entry is None or entry.busy == busy:
            return
        entry.busy = busy
        if busy:
            self._busy.add(transport)
        else:  # as young as a new one
            self._busy.discard(transport)
            self._entries[transport] = self._entries.pop(transport)

    def remove(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended; none is fine."""
        entry = self._entries.pop(transport, None)
        self._busy.discard(transport)
        if entry is not None:
            self._of[entry.client] -= 1
            if not self._of[entry.client]:
                del self._of[entry.client]

    def give_up(self, transport: asyncio.Transport) -> None:
        """Close a connection that took too long."""
        self.remove(transport)
        self._close(transport, "slow")

    def _close(self, transport: asyncio.Transport, why: str) -> bool:
        self.closed[why] += 1
        transport.abort()
        return False

    def _forget_closed(self) -> None:
        """WebSockets end without a word to us; they are among the busy ones, which are few in a crowd of idle ones."""
        for transport in [t for t in self._busy if t.is_closing()]:
            self.remove(transport)

    def _is_proxy(self, client: str) -> bool:
        if self._any_proxy:
            return True
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def _descriptors() -> int:
    """Half of the descriptors that the process may have open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 1 << 20
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else max(int(soft * _SHARE), 8)
