#!/bin/sh
# Run a command in the project's environment: its Python, its collection path, and no trace in the user's home.
set -eu
export PATH="$PWD/.venv/bin:$PATH"
export ANSIBLE_COLLECTIONS_PATH="$PWD/.build/live"
export ANSIBLE_HOME="$PWD/.build/ansible" ANSIBLE_REMOTE_TEMP="$PWD/.build/ansible/tmp"
export ANSIBLE_CONFIG="$PWD/tests/tools/ansible.cfg"
# With the collection on PYTHONPATH, ansible-galaxy would call it installed wherever it is asked to install it.
unset PYTHONPATH VIRTUAL_ENV ANSIBLE_INVENTORY ANSIBLE_ROLES_PATH
# Ansible refuses an encoding that is not UTF-8, and tools' messages are compared with English text.
export LC_ALL=C.UTF-8
[ -z "${CI:-}" ] || export NO_COLOR=1
exec "$@"
