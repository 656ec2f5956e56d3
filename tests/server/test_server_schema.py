"""The service keeps the promises of its OpenAPI description, whatever comes in."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("schemathesis")
# Bytes that the description allows need not be a picture, so such requests may be refused.
_LEFT_OUT = "positive_data_acceptance"


def test_schemathesis_finds_nothing(served, tmp_path):
    # Every answer has a described status, type and shape; wrong requests are refused; nothing fails inside.
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    arguments = ["run", f"http://{served.address}/openapi.json", "--exclude-checks", _LEFT_OUT, "--no-color"]
    bounds = ["--max-examples", "10", "--seed", "1", "--generation-database", "none"]

    done = subprocess.run([program, *arguments, *bounds], cwd=tmp_path, capture_output=True, text=True, timeout=240)

    assert done.returncode == 0, done.stdout[-4000:]
