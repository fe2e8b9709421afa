#!/bin/sh
# Check the documentation of the collection's content, and build the site from it; a warning of Sphinx is an error.
set -eu
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --skip-rstcheck .
echo "documentation of modules, filters and roles: ok"

site=.build/docsite
rm -rf "$site"
mkdir -p "$site"
chmod 0700 "$site"
antsibull-docs --config-file /dev/null sphinx-init --use-current --dest-dir "$site" --lenient --no-indexes c10m.front_tier >/dev/null
