#!/bin/sh
# Build the tarball from the stage, install it where nothing else is, and use it there.
set -eu
python -m tests.tools.stage
rm -rf .build/dist .build/installed
mkdir -p .build/dist .build/installed
ansible-galaxy collection build --output-path .build/dist .build/stage/ansible_collections/c10m/front_tier >/dev/null
tarball=$(ls "$PWD"/.build/dist/*.tar.gz)

cd .build/installed
export ANSIBLE_COLLECTIONS_PATH="$PWD" PYTHONPATH=
ansible-galaxy collection install --offline -p . "$tarball" >/dev/null
ansible-builder introspect . >/dev/null
ls ansible_collections/c10m/front_tier
