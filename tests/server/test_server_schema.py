"""The service keeps the promises of its OpenAPI description, whatever comes in."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("schemathesis")
# Bytes that the description allows need not be a picture, so such requests may be refused.
_LEFT_OUT = "positive_data_acceptance"


def test_schemathesis_finds_nothing(served, tmp_path):
    """Every answer has a described status, type and shape; wrong requests are refused; nothing fails inside."""
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    arguments = ["run", f"http://{served.address}/openapi.json", "--exclude-checks", _LEFT_OUT, "--no-color"]
    bounds = ["--max-examples", "10", "--seed", "1", "--generation-database", "none"]

    done = subprocess.run([program, *arguments, *bounds], cwd=tmp_path, capture_output=True, text=True, timeout=240)

    assert done.returncode == 0 or _only_hung_up(done.stdout), done.stdout[-4000:]


def _only_hung_up(text: str) -> bool:
    """Every answer passed, and what was no answer is a reset: the service may hang up on a client that it refused."""
    cases = re.search(r"(\d+) generated, (\d+) passed", text)
    errors = re.findall(r"^Errors:\n((?:  .*\n)+)", text, re.MULTILINE)
    kinds = {line.split("Error")[0].strip(" 🚫") for block in errors for line in block.splitlines()}
    resets = "Connection reset by peer" in text or "Broken pipe" in text
    return cases is not None and cases[1] == cases[2] and kinds == {"Network"} and resets
