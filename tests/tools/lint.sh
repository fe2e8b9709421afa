#!/bin/sh
# Every linter, one after the other; all of them run, and only what a failing one says is shown.
set -u
failed=''
export NO_COLOR=1
output=.build/lint.txt

try() {
    name=$1
    shift
    if "$@" >"$output" 2>&1; then
        echo "  ok      $name"
    else
        echo "  FAILED  $name: $*"
        sed -n '1,60s/^/    /p' "$output"
        [ "$(wc -l <"$output")" -le 60 ] || echo "    ... $(wc -l <"$output") lines in all"
        failed="$failed $name"
    fi
}

try ruff ruff check --output-format concise .
try format ruff format --check --output-format concise .
try mypy mypy -p ansible_collections.c10m.front_tier.plugins
try mypy-tools mypy tests/tools tests/architecture
try yamllint yamllint --strict .
try ansible-lint ansible-lint --offline --strict -q
try changelog antsibull-changelog lint
try licences reuse lint --quiet
if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2046 # a list of names
    try shellcheck shellcheck $(git ls-files -co --exclude-standard '*.sh' .ci/run)
else
    echo "  skipped shellcheck: not installed (apt-get install shellcheck)"
fi

[ -z "$failed" ] || { echo "lint failed:$failed"; exit 1; }
