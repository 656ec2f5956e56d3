"""The page in Firefox, driven by WebDriver BiDi (W3C), which Firefox itself speaks: no driver beside it is needed."""

import itertools
import json
import re
import shutil
import subprocess
import time
from importlib import resources

import pytest

import mien

client = pytest.importorskip("websockets.sync.client")

FIREFOX = next((path for name in ("firefox-esr", "firefox") if (path := shutil.which(name))), None)
_START_S = 60
_READ_S = 120  # for the runtime to be compiled and two photographs to be read, on a busy machine
_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en-US",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
_SAYS = """() => ({
  read: document.getElementById('photosum')?.textContent,
  badge: document.getElementById('badge')?.innerText,
  problem: document.getElementById('problem')?.textContent,
  way: document.documentElement.dataset.way ?? '',
  ready: document.documentElement.dataset.ready ?? '',
  isolated: crossOriginIsolated,
})"""


class Firefox:
    """One window of Firefox."""

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count(1)
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _ask(self, method, **params):
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, address):
        """Go to an address and wait for its page."""
        self._ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def call(self, function):
        """What a function of the page gives, by way of JSON."""
        text = f"(async () => JSON.stringify(await ({function})() ?? null))()"
        target = {"context": self._context}
        answer = self._ask("script.evaluate", expression=text, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def until(self, holds):
        """What the page says, once it says what is waited for."""
        end = time.monotonic() + _READ_S
        while not holds(said := self.call(_SAYS)):
            assert time.monotonic() < end, said
            time.sleep(0.2)
        return said


@pytest.fixture
def firefox(tmp_path):
    """Firefox without a window and with a fresh profile; skips where it is not there or cannot be driven."""
    if FIREFOX is None:
        pytest.skip("Firefox is not installed (Debian: apt-get install firefox-esr)")
    profile = tmp_path / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    told = tmp_path / "told.txt"
    with told.open("wb") as file:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
    try:
        with client.connect(f"{_address(told, process)}/session", proxy=None, max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(30)


def _address(told, process):
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"BiDi listening on (ws://\S+)", told.read_text("utf-8", "replace")):
            return found[1]
        time.sleep(0.1)
    pytest.skip("this Firefox does not start here, or does not speak WebDriver BiDi")


def test_firefox_reads_the_examples_on_the_device(site, shipped_detector, firefox):
    """The page starts, is sealed, may use threads, and reads both photographs as Python does."""
    firefox.open(f"http://{site.address}/")
    firefox.until(lambda said: said["ready"])
    firefox.call("() => document.getElementById('tab-photo').click()")
    firefox.call("() => document.getElementById('tryphoto').click()")
    said = firefox.until(lambda said: said["read"] == "2 pictures, 2 faces" or said["problem"])

    assert said["problem"] == ""
    assert said["badge"] == "Nothing leaves this device"
    assert said["isolated"] is True
    assert said["way"].startswith("wasm ")
    shown = firefox.call("() => [...document.querySelectorAll('#photocards .photo')].map((card) => card.innerText)")
    with resources.as_file(resources.files("mien") / "app/static") as folder:
        here = {name: mien.analyze(folder / f"example-{name}.jpg")[0].emotion for name in ("collins", "hopper")}
    assert len(shown) == 2
    for name, emotion in here.items():
        assert any(name in text and emotion in text.lower() for text in shown)
