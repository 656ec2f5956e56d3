"""What `mien serve` can be told: limits, who may come in, which models. Plain values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from mien.core.errors import OptionError
from mien.infer.options import AnalyzerOptions
from mien.infer.registry import PAGE_MODEL

__all__ = ["LIMITS", "LOOPBACK_NAMES", "Limits", "Settings", "is_loopback"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""How a browser on this machine names this machine in the Host header."""

_LEAST_TOKEN = 16  # letters; shorter ones can be guessed
_ORIGIN = re.compile(r"https?://[^\s/;,'\"]+")
_HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.]+\]")
_PATH = re.compile(r"(/[^\s/?#]+)*")


@dataclass(frozen=True)
class Limits:
    """What one request, one connection and one client may cost; `docs/serving.md` explains each.

    Args:
        body_bytes: largest body of `/v1/analyze`, over all its pictures.
        pixels: largest picture, measured before it is decoded.
        images: most pictures in one request.
        faces: most faces read per picture, the largest ones.
        connections: open at the same time, busy or not; the oldest idle one gives way to a new one. Never more than
            half of the files that the process may open.
        connections_per_address: open at the same time from one address that is no proxy.
        head_s: seconds from the start of a connection, or of a further request, to the end of the request's head.
        body_s: seconds in which a body must arrive, plus a second for each 50 kB of it.
        clients: requests and live connections at the same time.
        requests_per_minute: per client address.
        frame_bytes: largest live frame.
        frame_pixels: largest live frame, in pixels.
        frames_per_s: live frames that a connection may send, on average.
        idle_s: a live connection that sends nothing for so long is closed.
        video_bytes: largest video.
        video_s: longest video, in seconds of its own time.
        jobs: videos that wait or are being read.
        job_keep_s: seconds for which the result of a video is kept.

    Raises:
        OptionError: a limit is not greater than 0.

    """

    body_bytes: int = 20_000_000
    pixels: int = 40_000_000
    images: int = 32
    faces: int = 50
    connections: int = 1024
    connections_per_address: int = 64
    head_s: float = 10.0
    body_s: float = 30.0
    clients: int = 64
    requests_per_minute: int = 600
    frame_bytes: int = 1_000_000
    frame_pixels: int = 4_000_000
    frames_per_s: float = 60.0
    idle_s: float = 60.0
    video_bytes: int = 200_000_000
    video_s: float = 600.0
    jobs: int = 4
    job_keep_s: float = 900.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise OptionError(f"The limit {name} must be greater than 0, got {value}.")


LIMITS = tuple(field.name for field in fields(Limits))
"""Names of the limits; help and docs/serving.md name each."""


@dataclass(frozen=True)
class Settings:
    """Everything that the service needs to know.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        token: bearer token that requests must carry, or None.
        public: without a token, serve other machines all the same.
        hosts: names that the Host header may have, without port; empty for any, but only names of this machine when
            `host` is one.
        origins: other web origins that may call the service ("https://example.org").
        frame_ancestors: web origins that may show the page in a frame.
        root_path: path under which a proxy offers the service, such as "/faces"; "" for none.
        proxies: addresses or networks of proxies whose X-Forwarded headers are believed; "*" for any.
        workers: pictures that are read at the same time; from 2 on in processes of their own.
        otel: send traces of requests by OpenTelemetry.
        data: a data set for the Data tab, or what `mien data summary --json` wrote of one; None for no such tab.
        data_samples: show pictures of the data set to visitors who ask for them.
        analyzer: how pictures are read; largest picture and number of faces are `limits`.
        limits: see `Limits`.

    Raises:
        OptionError: other machines could come in without a token, the token is too short, or an origin, a host name,
            the path or a proxy's address is none; pictures of no data set, or of a file that holds none.

    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    public: bool = False
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    root_path: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1",)
    workers: int = 1
    otel: bool = False
    data: Path | None = None
    data_samples: bool = False
    analyzer: AnalyzerOptions = field(default_factory=lambda: AnalyzerOptions(model=PAGE_MODEL))
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.token is None and not self.public and not is_loopback(self.host):
            raise OptionError(
                f"Other machines can reach {self.host}, so a token is needed: set MIEN_TOKEN (or --token-file), or "
                "give --public to let everybody in who can reach this machine."
            )
        if self.token is not None and (len(self.token) < _LEAST_TOKEN or not self.token.isascii()):
            raise OptionError(f"A token has at least {_LEAST_TOKEN} ASCII characters; this one could be guessed.")
        if self.workers < 1:
            raise OptionError(f"At least 1 worker is needed, got {self.workers}.")
        if self.data_samples and (self.data is None or self.data.suffix == ".json"):
            raise OptionError("--data-samples shows pictures of a data set; name that with --data, no .json of it.")
        _check_addresses(self)

    @property
    def reading(self) -> AnalyzerOptions:
        """How pictures are read, within the limits."""
        return replace(self.analyzer, max_faces=self.limits.faces, max_pixels=self.limits.pixels)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Names that the Host header may have, in lower case and without the port; empty for any."""
        named = {host.lower() for host in self.hosts}
        if is_loopback(self.host):
            # A foreign site whose name leads to this machine (DNS rebinding) must not get in.
            named |= set(LOOPBACK_NAMES)
        return frozenset(named)


def _check_addresses(settings: Settings) -> None:
    """Refuse names that could never match what a browser or a proxy sends.

    Raises:
        OptionError: an origin with a path, a host name with a port, a path that does not start with "/", or a proxy
            that is no address.

    """
    for origin in (*settings.origins, *settings.frame_ancestors):
        if not _ORIGIN.fullmatch(origin):
            raise OptionError(f"An origin looks like https://example.org, without a path; got {origin!r}.")
    for host in settings.hosts:
        if not _HOST.fullmatch(host):
            raise OptionError(f"A host name looks like faces.example.org, without scheme, port and path; got {host!r}.")
    if not _PATH.fullmatch(settings.root_path):
        raise OptionError(f"A root path looks like /faces and starts with a slash; got {settings.root_path!r}.")
    for proxy in settings.proxies:
        try:
            _ = proxy == "*" or ipaddress.ip_network(proxy)
        except ValueError as error:
            raise OptionError(
                f"A proxy is an IP address, a network such as 10.0.0.0/8, or * for any; got {proxy!r}."
            ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
