"""Connections that send little or nothing: how long they live, how many there may be, and who is served meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time

import pytest

from mien.app.server.connections import Connections

HALF = b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class Link:
    """A transport that remembers whether it was closed."""

    closed = False

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def _links(count: int) -> list[Link]:
    return [Link() for _ in range(count)]


def _ended(link: socket.socket, within_s: float) -> bool:
    """Whether the other side closes a connection in time."""
    link.settimeout(within_s)
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_the_oldest_idle_connection_gives_way():
    """Busy ones stay, and where all are busy the new one goes."""
    known = Connections(3, 10, ())
    links = _links(5)
    for link in links[:3]:
        assert known.add(link, "a")
    known.busy(links[0], True)

    assert known.add(links[3], "b")
    assert [link.closed for link in links] == [False, True, False, False, False]
    known.busy(links[2], True)
    known.busy(links[3], True)
    assert not known.add(links[4], "b")
    assert known.closed == {"idle": 1, "full": 1}
    assert len(known) == 3


def test_a_connection_that_was_answered_is_young_again():
    """Keep-alive connections that are in use do not give way before those that never asked anything."""
    known = Connections(2, 10, ())
    used, silent, new = _links(3)
    known.add(used, "a")
    known.add(silent, "a")
    known.busy(used, True)
    known.busy(used, False)
    known.add(new, "b")

    assert silent.closed
    assert not used.closed


@pytest.mark.parametrize(("proxies", "taken"), [((), 2), (("10.0.0.0/8",), 5), (("*",), 5), (("192.0.2.1",), 2)])
def test_one_address_has_only_so_many(proxies, taken):
    """A proxy's connections are many people's, so that limit is not theirs; ended ones no longer count."""
    known = Connections(10, 2, proxies)
    links = _links(5)

    assert sum(known.add(link, "10.1.2.3") for link in links) == taken
    for link in links:
        known.remove(link)
    assert len(known) == 0
    assert known.add(Link(), "10.1.2.3")


def test_slow_heads_and_silence_end(serve):
    """Neither half a header nor nothing at all keeps a connection for longer than `head_s`."""
    served = serve(limits={"head_s": 0.3})
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(socket.create_connection(("127.0.0.1", served.port))) for _ in range(20)]
        for link in links[::2]:
            link.sendall(HALF)

        assert all(_ended(link, 10) for link in links)
    assert served.app.state.service.connections.closed["slow"] == 20


def test_the_second_request_of_a_connection_has_the_same_clock(serve):
    """A connection that was served once cannot stop in the middle of its next request's headers."""
    served = serve(limits={"head_s": 0.5})
    with socket.create_connection(("127.0.0.1", served.port)) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 200")
        link.sendall(HALF)

        while link.recv(65536):
            pass
    assert served.app.state.service.connections.closed["slow"] == 1


def test_a_flood_of_half_requests_leaves_room(serve):
    """While 400 connections send half a header each, the service with 40 places answers everybody who asks."""
    served = serve(limits={"connections": 40, "head_s": 30})
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            link.sendall(HALF)
        for _ in range(5):
            assert served.ask("GET", "/healthz").status == 200
        connections = served.app.state.service.connections
        assert len(connections) <= 40
        assert connections.closed["idle"] >= 360


def test_long_answers_are_not_cut(serve, grey_png):
    """The clock stops when the headers are whole: a slow body and a kept connection go on being served."""
    served = serve(limits={"head_s": 0.3})
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.putrequest("POST", "/v1/analyze")
    connection.putheader("Content-Length", str(len(grey_png)))
    connection.endheaders()
    time.sleep(0.6)
    connection.send(grey_png)
    assert connection.getresponse().read().startswith(b"{")
    connection.close()


def test_live_connections_outlive_the_clock(serve, grey_png):
    """A WebSocket counts as busy from its handshake on."""
    client = pytest.importorskip("websockets.sync.client")
    served = serve(limits={"head_s": 0.3, "connections": 3})
    with client.connect(f"ws://127.0.0.1:{served.port}/v1/live", subprotocols=["mien.v1"]) as live:
        time.sleep(0.6)
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", served.port)) as link:
                link.sendall(HALF)
        live.send("{}")
        with contextlib.suppress(TimeoutError):
            live.recv(timeout=5)
        assert len(served.app.state.service.connections) <= 3


def test_the_count_is_shown(serve):
    """/metrics tells how many connections are open and why others were closed."""
    served = serve(limits={"connections_per_address": 5}, proxies=())
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
        deadline = time.monotonic() + 10
        closed = served.app.state.service.connections.closed
        while closed["address"] < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
    shown = served.ask("GET", "/metrics").body.decode()

    assert 'mien_connections_closed_total{why="address"} 3' in shown
    assert "# TYPE mien_connections_closed_total counter" in shown


def test_another_site_without_an_origin_is_refused(served, grey_png):
    """A browser that says "cross-site" and hides which site does not get in; the page itself and programs do."""
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert served.ask("POST", "/v1/analyze", grey_png, Sec_Fetch_Site=site).status == status


def test_an_answer_leaves_at_once(serve):
    """Over a kept connection a body must not wait until its head is receipted, which takes a client 40 ms."""
    served = serve()
    took = []
    with socket.create_connection(("127.0.0.1", served.port)) as link:
        for _ in range(20):
            start = time.monotonic()
            link.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = http.client.HTTPResponse(link)
            answer.begin()
            assert answer.read().startswith(b"{")
            took.append(time.monotonic() - start)
    assert min(took[5:]) < 0.03  # the first ones a system receipts at once


def test_a_refusal_reaches_who_is_still_sending(serve):
    """What is refused by its kind, while megabytes of it are on their way, must still get its sentence."""
    served = serve()
    for _ in range(5):
        answer = served.ask("POST", "/v1/analyze", bytes(8_000_000), Content_Type="text/plain")
        assert answer.status == 415
        assert "Send a picture" in answer.json()["error"]["message"]
