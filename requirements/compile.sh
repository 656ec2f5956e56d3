#!/usr/bin/env bash
# Writes the requirement files of this folder anew: every version pinned, every file of it by its hash, for all systems
# and Python versions that the project supports; no addresses. Needs uv.
#
#     requirements/compile.sh [--upgrade]
#
# Install with `pip install --require-hashes -r requirements/base.txt`, then mien itself with --no-deps.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
  local name="$1"
  shift
  uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@" --output-file "requirements/$name.txt"
}

compile base "$@"
compile app --extra app "$@"
compile train --extra train "$@"
compile test --extra test "$@"

if grep -nE '://|^-|^ *--(index|find|extra|trusted)|@ ' requirements/*.txt; then
  echo "A requirement file names an address." >&2
  exit 1
fi
