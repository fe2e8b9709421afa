#!/bin/sh
# The audit of this very machine: make run. What is given besides goes to ansible-playbook.
set -eu
exec ansible-playbook -i localhost, -c local c10m.front_tier.audit \
    -e ansible_python_interpreter="$PWD/.venv/bin/python" \
    -e front_tier_target=all \
    -e front_tier_report_dir="$PWD/.build/report" \
    "$@"
