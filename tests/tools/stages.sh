#!/bin/sh
# Run make targets one after the other: stages.sh NAME TARGET... A failure does not stop the ones after it.
#
# Ends with a table of seconds, also kept in .build/times-NAME.json, and a closing line; the status is 1 if one failed.
set -u

name=$1
shift
passed=0 failed=0 table='' json=''
mkdir -p .build

for stage in "$@"; do
    echo "== $stage"
    begin=$(date +%s)
    if "${MAKE:-make}" --no-print-directory "$stage"; then
        passed=$((passed + 1)) word=passed
    else
        failed=$((failed + 1)) word=FAILED
    fi
    seconds=$(($(date +%s) - begin))
    table="$table$(printf '  %-14s %5d s  %s' "$stage" "$seconds" "$word")
"
    json="$json${json:+, }\"$stage\": {\"seconds\": $seconds, \"passed\": $([ $word = passed ] && echo true || echo false)}"
done

echo "{$json}" >".build/times-$name.json"
printf '\n%s\nstages: %d passed, %d failed\n' "$table" "$passed" "$failed"
[ "$failed" = 0 ]
