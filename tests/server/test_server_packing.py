"""Files of the page on their way: which coding a client gets, and that its bytes are the same in each."""

import gzip
import sys

import pytest

from mien.app.server.packing import chosen_coding, same_tag

BOTH = ("br", "gzip")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.3, br;q=0.3", "br"),
        ("br;q=0, gzip;q=0", None),
        ("br;q=0, *", "gzip"),
        ("*;q=0.1", "br"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("GZIP ; Q=0.7", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=2, gzip;q=a, ;;", None),
        ("brotli, gzipped", None),
        ("deflate", None),
    ],
)
def test_weights_decide(accepted, coding):
    """The largest weight wins, the better coding where two are equal; 0 forbids, nonsense counts for nothing."""
    assert chosen_coding(accepted, BOTH) == coding


def test_only_what_is_offered_is_chosen():
    """A file without a Brotli twin goes by gzip."""
    assert chosen_coding("br, gzip;q=0.1", ("gzip",)) == "gzip"
    assert chosen_coding("br, gzip", ()) is None


def test_tags_that_a_proxy_made_weak_are_known():
    """A list of tags, weak ones, and the star."""
    assert same_tag('"a", W/"b"', '"b"')
    assert same_tag("*", '"b"')
    assert not same_tag('"a"', '"b"')


@pytest.mark.parametrize(
    "path", ["/", "/static/main.mjs", "/static/lang/hi.json", "/config.json", "/models/wild-small.json"]
)
def test_every_coding_holds_the_same_bytes(served, path):
    """Each has a tag of its own, by which a browser is told that it has it already; it is smaller."""
    brotli = pytest.importorskip("brotli")
    plain = served.ask("GET", path)
    seen = {plain.headers["etag"]}
    for coding, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        answer = served.ask("GET", path, Accept_Encoding=coding)
        again = served.ask("GET", path, Accept_Encoding=coding, If_None_Match=answer.headers["etag"])

        assert (answer.headers["content-encoding"], answer.headers["vary"]) == (coding, "Accept-Encoding")
        assert answer.headers["content-type"] == plain.headers["content-type"]
        assert unpack(answer.body) == plain.body
        assert len(answer.body) < len(plain.body)
        assert (again.status, again.body) == (304, b"")
        seen.add(answer.headers["etag"])
    assert len(seen) == 3


def test_pictures_go_as_they_are(served):
    """Nothing would be gained."""
    assert "content-encoding" not in served.ask("GET", "/static/example-hopper.jpg", Accept_Encoding="gzip, br").headers


def test_without_the_package_there_is_gzip(monkeypatch):
    """Brotli is an extra."""
    from mien.app.server.packing import codings

    monkeypatch.setitem(sys.modules, "brotli", None)

    assert list(codings()) == ["gzip"]
