#!/usr/bin/env bash
# Tests of the rooms that need no torch, with the oldest versions that pyproject.toml allows, or with the newest.
#
#     .ci/floors.sh lowest-direct|highest [PYTHON]
#
# Needs uv. A version that fails here is no version to allow: raise its floor in pyproject.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

resolution="${1:?say lowest-direct or highest}"
python="${2:-3.11}"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 VIRTUAL_ENV="$place/venv"
export MIEN_SHARED="${MIEN_SHARED:-$PWD/../shared}"

uv venv --quiet --python "$python" "$place/venv"
uv pip install --quiet --resolution "$resolution" --only-binary :all: --no-binary mien ".[app,demo,data]"
uv pip install --quiet "pytest>=8.3" "hypothesis>=6.112" "jsonschema>=4.23" "psutil>=6"
uv pip list 2>/dev/null | grep -iE "^(click|fastapi|numpy|onnxruntime|opencv|pillow|pyarrow|rich|scikit-image|starlette|uvicorn|websockets|python-multipart) *" || true

# Neither the checkout's package nor torch: what runs is what was installed.
mkdir "$place/run"
cp -r tests docs pyproject.toml "$place/run"
cd "$place/run"
"$place/venv/bin/python" -m pytest -q -p no:cacheprovider --override-ini "addopts=--strict-markers" \
  tests/core tests/infer tests/media tests/data tests/server \
  tests/app/test_analyze.py tests/app/test_cli.py tests/app/test_ending.py tests/app/test_video_command.py
