#!/usr/bin/env bash
# The wheel and the sdist as a person installs them: no checkout in reach, no torch, another folder, each Python given.
#
#     .ci/install.sh [PYTHON...]        such as 3.11 3.12 3.13; needs uv
set -euo pipefail
cd "$(dirname "$0")/.."

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1

# What is built is a copy, which is removed before anything runs.
git archive --format=tar HEAD | (mkdir "$place/source" && tar -x -C "$place/source")
uv build --quiet --sdist --wheel --out-dir "$place/dist" "$place/source"
rm -rf "$place/source"
ls -l "$place/dist" | awk 'NR > 1 {print $9, $5}'

for python in "${@:-3.11}"; do
  for file in "$place"/dist/*.whl "$place"/dist/*.tar.gz; do
    export VIRTUAL_ENV="$place/venv"
    rm -rf "$VIRTUAL_ENV" "$place/elsewhere"
    mkdir "$place/elsewhere"
    uv venv --quiet --python "$python" "$VIRTUAL_ENV"
    uv pip install --quiet "mien[demo] @ file://$file"
    cd "$place/elsewhere"
    "$VIRTUAL_ENV/bin/python" - <<'END'
import importlib.util
import sys

import mien

assert "site-packages" in mien.__file__, mien.__file__
assert importlib.util.find_spec("torch") is None
print("Python", sys.version.split()[0], "mien", mien.__version__, end=": ")
END
    "$VIRTUAL_ENV/bin/mien" --version >/dev/null
    "$VIRTUAL_ENV/bin/mien" demo >demo.txt 2>&1
    "$VIRTUAL_ENV/bin/mien" analyze mien-demo.png --format json >demo.json 2>>demo.txt
    grep -q happy demo.json
    echo "$(basename "$file") works"
    cd - >/dev/null
  done
done
