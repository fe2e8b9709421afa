#!/bin/sh
# Check the documentation of the collection's content and build its site; a warning of Sphinx is an error.
set -eu

# Only what users get: antsibull-docs copies the whole folder, and recorded hosts hold links that lead nowhere, as hosts do.
source=.build/docs-source
rm -rf "$source"
mkdir -p "$source"
cp -R README.md galaxy.yml changelogs docs meta playbooks plugins roles "$source"
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --skip-rstcheck "$source"

site=.build/docsite
rm -rf "$site"
mkdir -m 0700 "$site" # antsibull-docs writes only where nobody else can
antsibull-docs sphinx-init --use-current --dest-dir "$site" --fail-on-error --squash-hierarchy \
    --sphinx-theme alabaster --project c10m.front_tier --title c10m.front_tier c10m.front_tier >/dev/null
# Without the network nothing outside the collection can be looked up; references inside it were checked above.
cat >>"$site/conf.py" <<'EOF'
intersphinx_mapping = {}
nitpicky = False
suppress_warnings = ["ref.ref"]
EOF
if ! sh -c "cd $site && umask 077 && bash build.sh" >.build/docs.txt 2>&1; then
    cat .build/docs.txt
    exit 1
fi
echo "documentation checked; site: $site/build/html/index.html"
