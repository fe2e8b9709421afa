#!/bin/sh
# Refresh the locks: one for every Python from 3.11, with hashes, for plain pip. uv is needed for this only.
set -eu
command -v uv >/dev/null || { echo "uv is not installed: pip install uv" >&2; exit 1; }
for kind in '' -floor -dev; do
    uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-header --no-annotate \
        "requirements$kind.in" -o "requirements$kind.txt"
done
