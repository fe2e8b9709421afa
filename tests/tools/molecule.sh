#!/bin/sh
# Run one molecule scenario, or all of them on the same nodes.
set -eu
export MOLECULE_GLOB='molecule/*/molecule.yml' # the top-level folder is where this project keeps them
unset ANSIBLE_CONFIG # molecule writes its own
if [ $# -gt 0 ]; then
    exec molecule -c molecule/base.yml test --scenario-name "$1"
fi
exec molecule -c molecule/base.yml test --all --shared-state
