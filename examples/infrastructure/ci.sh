#!/bin/sh
# Copyright: (c) 2026, the c10m.front_tier contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What both CI systems run, and you: sh ci.sh setup|lint|test|audit|gate
set -eu
case ${1:-} in
    setup) # from package registries and Galaxy
        python3 -m pip install -r requirements.txt
        ansible-galaxy collection install -r requirements.yml -p collections
        ;;
    lint)
        ansible-playbook --syntax-check site.yml local.yml
        ansible-lint --offline
        ;;
    test) # in containers
        molecule test
        ;;
    audit) # reads all hosts, changes none
        ansible-playbook --become c10m.front_tier.audit
        ;;
    gate) # reaches no host: what is planned and demanded is computed from the last audits
        ansible-playbook c10m.front_tier.plan
        ansible-playbook c10m.front_tier.policy
        ;;
    *)
        echo "usage: sh ci.sh setup|lint|test|audit|gate" >&2
        exit 2
        ;;
esac
