"""The files of `deploy/`: rules as hadolint has them, options that exist, a unit that systemd finds sound."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from test_server_docker import ROOT, check, parse, starts

from mien.app.commands.serve import command as serve

DEPLOY = ROOT / "deploy"


def rules(instructions):
    """What is wrong, by the numbers of hadolint's rules (its documentation says what each means)."""
    names = [name for name, _ in instructions]
    found = set().union(*(_rules_of(name, text) for name, text in instructions))
    users = [text for name, text in instructions if name == "USER"]
    if not users or users[-1] in ("root", "0"):
        found.add("DL3002: ends as root")
    if "COPY" in names and "WORKDIR" not in names[: names.index("COPY")]:
        found.add("DL3045: to a relative place without WORKDIR")
    found |= {f"DL4003: several {n}" for n in ("CMD", "HEALTHCHECK", "ENTRYPOINT") if names.count(n) > 1}
    return found


def _rules_of(name, text):
    wrong = {
        "DL3006: the image has no fixed version": name == "FROM" and (":" not in text or text.endswith(":latest")),
        "DL3000: the folder is relative": name == "WORKDIR" and not text.startswith("/"),
        "DL3020: COPY does it": name == "ADD",
        "DL4000: deprecated": name == "MAINTAINER",
        "DL3025: not as a list": name in ("CMD", "ENTRYPOINT") and not text.startswith("["),
        "DL3021: several files need a folder": name == "COPY" and len(shlex.split(text)) > 3 and text[-1] not in "/.",
    }
    return {rule for rule, broken in wrong.items() if broken} | (_shell_rules(text) if name == "RUN" else set())


def _shell_rules(text):
    found = set()
    if re.search(r"\bsudo\b", text):
        found.add("DL3004: sudo")
    if re.search(r"\bcd /", text):
        found.add("DL3003: WORKDIR does it")
    if "pip install" in text and "--no-cache-dir" not in text:
        found.add("DL3042: pip keeps a cache")
    if "apt-get install" in text and not ("--no-install-recommends" in text and "rm -rf /var/lib/apt/lists" in text):
        found.add("DL3009 DL3015: apt keeps lists or recommended packages")
    if "|" in text and "pipefail" not in text:
        found.add("DL4006: a pipe hides a failure")
    return found


def test_the_rules_find_what_is_wrong():
    """A Dockerfile that breaks them."""
    bad = "FROM python\nADD a b\nRUN pip install x | tee log\nRUN sudo apt-get install y\nCMD mien serve\n"

    assert {text.split()[0].rstrip(":") for text in rules(parse(bad))} == {
        "DL3006", "DL3020", "DL3042", "DL4006", "DL3004", "DL3009", "DL3025", "DL3002",
    }  # fmt: skip


@pytest.mark.parametrize(
    "file", ["deploy/Dockerfile", "src/mien/app/space/docker-Dockerfile.txt"], ids=["deploy", "space"]
)
def test_dockerfiles_keep_the_rules(file):
    """Fixed image, no root, lists instead of shell text, no caches."""
    assert rules(parse((ROOT / file).read_text("utf-8"))) == set()


def test_the_dockerfile_builds_from_the_checkout():
    """What it copies is there, RUN lines are shell, the service starts with options that exist."""
    instructions = parse((DEPLOY / "Dockerfile").read_text("utf-8"))
    health = [text for name, text in instructions if name == "HEALTHCHECK"]
    plain = [item for item in instructions if item[0] != "HEALTHCHECK"]
    check(plain)
    assert starts(plain) == ["serve", "--host", "0.0.0.0"]
    for text in (text for name, text in instructions if name == "COPY"):
        assert all((ROOT / name).exists() for name in shlex.split(text)[1:-1])
    compile(json.loads(health[0].partition("CMD ")[2])[2], "health", "exec")


def test_the_dockerfile_builds_and_starts_without_an_engine(tmp_path):
    """Its copies and RUN lines in a folder and a fresh environment: the command of CMD is there, and answers.

    Packages that mien needs are those of this environment, so nothing is fetched; that they install from nothing is
    what CI's own start shows.
    """
    environment = _like_the_image(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    for name, text in parse((DEPLOY / "Dockerfile").read_text("utf-8")):
        if name == "COPY":
            _copy(home, *(part for part in shlex.split(text) if not part.startswith("--")))
        elif name == "RUN" and not text.startswith("useradd"):  # the tests have a user already
            done = subprocess.run(["sh", "-c", text], cwd=home, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr

    left = [path.name for path in home.iterdir() if not path.name.startswith(".")]
    where = subprocess.run(
        ["python", "-c", "import mien; print(mien.__file__)"], cwd=home, env=environment, capture_output=True, text=True
    )
    with subprocess.Popen(
        ["mien", "serve", "--port", "0"], cwd=home, env=environment, stderr=subprocess.PIPE, text=True
    ) as service:
        said = service.stderr.readline()
        service.terminate()
        service.stderr.read()
    assert left == []
    assert where.stdout.startswith(str(home / ".local")), where.stderr
    assert "The page is at http://localhost:" in said


def _like_the_image(folder):
    """Variables of a shell with a Python of its own; `pip install --user` goes to the home folder."""
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", folder / "python"], check=True)
    home, packages = folder / "home", folder / "packages"
    packages.mkdir()
    for item in Path(sysconfig.get_path("purelib")).iterdir():
        ours = item.name.startswith(("mien", "_mien", "__editable__", "_editable")) or item.suffix == ".pth"
        if not ours:  # the project itself must come from the image's own installation
            (packages / item.name).symlink_to(item)
    pip = dict.fromkeys(("PIP_NO_DEPS", "PIP_NO_INDEX", "PIP_DISABLE_PIP_VERSION_CHECK"), "1")
    pip["PIP_NO_BUILD_ISOLATION"] = "0"  # which pip takes for "no isolation"
    path = f"{home}/.local/bin:{folder}/python/bin:{os.environ['PATH']}"
    return {"HOME": str(home), "PYTHONUSERBASE": f"{home}/.local", "PYTHONPATH": str(packages), "PATH": path, **pip}


def _copy(home, *names):
    *sources, target = names
    for name in sources:
        if (ROOT / name).is_dir():
            without = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, home / target, dirs_exist_ok=True, ignore=without)
        else:
            (home / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, home / target)


def test_the_compose_file():
    """Options that exist, a proxy that is believed, nothing written, nothing without a token."""
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service = told["services"]["mien"]
    command = service["command"]
    context = serve.make_context("serve", command[2:])
    assert context.params["proxies"] == (told["networks"]["inside"]["ipam"]["config"][0]["subnet"],)
    assert "ports" not in service
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert ":?" in service["environment"]["MIEN_TOKEN"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert told["services"]["caddy"]["volumes"][0].startswith("./Caddyfile:")


def _tool():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")


def test_the_unit_is_sound(tmp_path):
    """systemd knows every line, and finds the service little exposed; it starts with options that exist."""
    text = (DEPLOY / "mien.service").read_text("utf-8")
    start = re.search(r"^ExecStart=\S+ serve (.*)$", text, re.MULTILINE)
    settings = tmp_path / "serve.toml"
    settings.write_text('allow-host = ["faces.example.org"]\nworkers = 2\n[limit]\nfaces = 10\n')
    context = serve.make_context("serve", start[1].replace("/etc/mien/serve.toml", str(settings)).split())
    assert (context.params["workers"], context.params["hosts"], context.params["limits"]) == (
        2, ("faces.example.org",), ("faces=10",),
    )  # fmt: skip
    _tool()
    unit = tmp_path / "mien.service"
    unit.write_text(text.replace("/opt/mien/bin/mien", "/bin/true"))

    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True
    )

    assert not [line for line in verified.stderr.splitlines() if "mien.service" in line]
    level = re.search(r"exposure level for mien.service: ([\d.]+)", judged.stdout)
    if level is None:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert float(level[1]) <= 2.0
