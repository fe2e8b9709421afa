#!/bin/sh
# Check the documentation of the collection's content and build its site; a warning of Sphinx is an error, as a link that leads nowhere is.
set -eu

# Only what users get: antsibull-docs copies the whole folder, and recorded hosts hold links that lead nowhere, as hosts do.
source=.build/docs-source
rm -rf "$source"
mkdir -p "$source"
cp -R README.md galaxy.yml changelogs docs meta playbooks plugins roles "$source"
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --skip-rstcheck "$source"

# The pages lie in the site as they do in the repository, so that a link between them is right in both.
site=.build/docsite
rm -rf "$site"
mkdir -p "$site/pages"
cp -R tests/tools/docsite/* README.md CONTRIBUTING.md CODE_OF_CONDUCT.md CHANGELOG.rst "$site/pages"
cp -R docs "$site/pages"
for page in roles/*/README.md examples/*/README.md; do
    mkdir -p "$site/pages/${page%/*}"
    cp "$page" "$site/pages/$page"
done
mkdir -m 0700 "$site/pages/reference" # antsibull-docs writes only where nobody else can
antsibull-docs collection --fail-on-error --use-current --squash-hierarchy --dest-dir "$site/pages/reference" c10m.front_tier >/dev/null
if ! sphinx-build -W --keep-going -b html "$site/pages" "$site/html" >.build/docs.txt 2>&1; then
    cat .build/docs.txt
    exit 1
fi
echo "documentation checked; site: $site/html/index.html"
