#!/bin/sh
# What Galaxy's importer says to the tarball; a warning is an error.
set -eu
log=.build/importer.txt
cat >.build/importer.cfg <<'EOF'
[galaxy-importer]
CHECK_CHANGELOG=True
CHECK_REQUIRED_TAGS=True
OFFLINE_ANSIBLE_LINT=True
RUN_ANSIBLE_DOC=True
RUN_ANSIBLE_LINT=True
RUN_ANSIBLE_TEST=False
RUN_FLAKE8=False
EOF
unset ANSIBLE_COLLECTIONS_PATH
GALAXY_IMPORTER_CONFIG=.build/importer.cfg python -m galaxy_importer.main .build/dist/*.tar.gz >"$log" 2>&1 || { cat "$log"; exit 1; }
if grep -E '^(WARNING|ERROR)|Traceback' "$log"; then
    exit 1
fi
tail -1 "$log"
