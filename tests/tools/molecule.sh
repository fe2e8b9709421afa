#!/bin/sh
# Run the molecule scenarios that are named, or all of them, on the same nodes. Interrupted, it takes the nodes away before it ends.
set -eu
export MOLECULE_GLOB='molecule/*/molecule.yml' # the top-level folder is where this project keeps them
unset ANSIBLE_CONFIG # molecule writes its own

destroy() {
    trap '' INT TERM
    molecule -c molecule/base.yml destroy --scenario-name default --shared-state
    exit 130
}
trap destroy INT TERM

if [ $# -eq 0 ]; then
    molecule -c molecule/base.yml test --all --shared-state
    exit
fi
for scenario in "$@"; do
    set -- "$@" --scenario-name "$scenario"
    shift
done
molecule -c molecule/base.yml test "$@" --shared-state
