#!/bin/sh
# Run one molecule scenario, or all of them on the same nodes. Interrupted, it takes the nodes away before it ends.
set -eu
export MOLECULE_GLOB='molecule/*/molecule.yml' # the top-level folder is where this project keeps them
unset ANSIBLE_CONFIG # molecule writes its own

destroy() {
    trap '' INT TERM
    molecule -c molecule/base.yml destroy --scenario-name default --shared-state
    exit 130
}
trap destroy INT TERM

if [ $# -gt 0 ]; then
    molecule -c molecule/base.yml test --scenario-name "$1"
else
    molecule -c molecule/base.yml test --all --shared-state
fi
