#!/bin/sh
# Build the tarball from the stage, install it where nothing else is, and look at what it holds. tests/playbook uses one.
set -eu
exec 9>.build/stage.lock # ansible-test writes into the stage while it runs
flock 9
python -m tests.tools.stage >/dev/null
rm -rf .build/dist .build/installed
mkdir -p .build/dist .build/installed
ansible-galaxy collection build --output-path .build/dist .build/stage/ansible_collections/c10m/front_tier >/dev/null
tarball=$(ls "$PWD"/.build/dist/*.tar.gz)

cd .build/installed
export ANSIBLE_COLLECTIONS_PATH="$PWD"
ansible-galaxy collection install --offline -p . "$tarball" >/dev/null
ansible-builder introspect --sanitize . >/dev/null

find ansible_collections/c10m/front_tier -mindepth 1 -maxdepth 1 -printf '%f\n' | while read -r name; do
    case $name in
        *.md | *.rst | *.json | REUSE.toml | LICENSES | .ansible-lint) ;;
        changelogs | docs | meta | playbooks | plugins | roles) ;;
        *) echo "the tarball holds $name; if users do not need it, add it to build_ignore in galaxy.yml" >&2; exit 1 ;;
    esac
done

echo "built, installed in an empty folder: $tarball ($(du -k "$tarball" | cut -f1) kB)"
