#!/bin/sh
# Build the tarball from the stage, install it where nothing else is, and use it there.
set -eu
python -m tests.tools.stage >/dev/null
rm -rf .build/dist .build/installed
mkdir -p .build/dist .build/installed
ansible-galaxy collection build --output-path .build/dist .build/stage/ansible_collections/c10m/front_tier >/dev/null
tarball=$(ls "$PWD"/.build/dist/*.tar.gz)
python=$PWD/.venv/bin/python

cd .build/installed
unset PYTHONPATH
export ANSIBLE_COLLECTIONS_PATH="$PWD"
ansible-galaxy collection install --offline -p . "$tarball" >/dev/null
ansible-builder introspect --sanitize . >/dev/null

find ansible_collections/c10m/front_tier -mindepth 1 -maxdepth 1 -printf '%f\n' | while read -r name; do
    case $name in
        *.md | *.rst | *.json | REUSE.toml | LICENSES | .ansible-lint) ;;
        changelogs | docs | examples | meta | playbooks | plugins | roles) ;;
        *) echo "the tarball holds $name; if users do not need it, add it to build_ignore in galaxy.yml" >&2; exit 1 ;;
    esac
done

audit() { # $@: what the inventory would say
    ansible-playbook -i localhost, -c local c10m.front_tier.audit -e ansible_python_interpreter="$python" \
        -e front_tier_target=all -e front_tier_report_dir="$PWD/report" "$@" >audit.txt 2>&1
}

audit -e front_tier_fail_on=never || { cat audit.txt; exit 1; }
echo "built and used in an empty folder: $tarball ($(du -k "$tarball" | cut -f1) kB)"
