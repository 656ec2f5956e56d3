"""What strangers meet first: the site, the citation, the workflows, and the types of the public names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mien

_ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_warning(tmp_path):
    """Every page is in the navigation, every link and anchor leads somewhere, every public name has its docstring."""
    pytest.importorskip("mkdocs", reason='mkdocs is not installed (pip install "mien[docs]")')
    pytest.importorskip("mkdocstrings", reason='mkdocstrings is not installed (pip install "mien[docs]")')

    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(line, cwd=_ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    for page in ("index", "api", "changelog", "contributing", "model_card"):
        assert (tmp_path / "site" / f"{page}.html").is_file()
    reference = (tmp_path / "site" / "api.html").read_text("utf-8")
    for name in set(mien.__all__) - {"__version__"}:
        assert re.search(rf'id="mien\.[\w.]*\b{name}"', reference), f"docs/api.md does not show mien.{name}"


def test_the_citation_names_this_version():
    """CITATION.cff and the package say the same version and licence."""
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((_ROOT / "CITATION.cff").read_text("utf-8"))

    assert citation["version"] == mien.__version__
    assert citation["license"] == "MIT"


def test_workflows_run_the_commands_of_a_person():
    """The hosted checks call the scripts and the commands that CONTRIBUTING.md names, on three systems and Pythons."""
    yaml = pytest.importorskip("yaml")
    flow = yaml.safe_load((_ROOT / ".github" / "workflows" / "check.yml").read_text("utf-8"))
    lines = [step["run"] for job in flow["jobs"].values() for step in job["steps"] if "run" in step]
    matrix = flow["jobs"]["tests"]["strategy"]["matrix"]

    assert "bash .ci/run" in lines
    assert "pytest -n 3 --dist loadfile" in lines
    assert len(matrix["os"]) == len(matrix["python"]) == 3
    for line in lines:
        script = re.search(r"bash (\S+)", line)
        assert script is None or (_ROOT / script.group(1)).is_file(), line


def test_checks_before_a_commit_are_those_of_ci():
    """Each tool that `pre-commit` runs stands in .ci/run, too."""
    yaml = pytest.importorskip("yaml")
    hooks = yaml.safe_load((_ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    ci = (_ROOT / ".ci" / "run").read_text("utf-8")

    for hook in hooks:
        assert hook["entry"].removesuffix(" --force-exclude") in ci
