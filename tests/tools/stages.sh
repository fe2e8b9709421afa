#!/bin/sh
# Run make targets one after the other: stages.sh NAME TARGET... A failure does not stop the ones after it.
#
# Targets joined by + run at the same time, each with its output shown when it has ended.
# Ends with a table of seconds, also kept in .build/times-NAME.json, and a closing line; the status is 1 if one failed.
set -u

name=$1
shift
passed=0 failed=0 table='' json=''
mkdir -p .build

run() { # $1: a target; leaves its seconds and its status in a file
    begin=$(date +%s)
    "${MAKE:-make}" --no-print-directory "$1"
    echo "$? $(($(date +%s) - begin))" >".build/stage-$1"
}

for group in "$@"; do
    stages=$(echo "$group" | tr + ' ')
    if [ "$stages" = "$group" ]; then
        echo "== $group"
        run "$group"
    else
        echo "== $stages, at the same time"
        for stage in $stages; do
            run "$stage" >".build/stage-$stage.log" 2>&1 &
        done
        wait
    fi
    for stage in $stages; do
        [ "$stages" = "$group" ] || { echo "== $stage" && cat ".build/stage-$stage.log"; }
        status=1 seconds=0
        read -r status seconds <".build/stage-$stage"
        rm -f ".build/stage-$stage" ".build/stage-$stage.log"
        if [ "$status" = 0 ]; then
            passed=$((passed + 1)) word=passed
        else
            failed=$((failed + 1)) word=FAILED
        fi
        table="$table$(printf '  %-14s %5d s  %s' "$stage" "$seconds" "$word")
"
        json="$json${json:+, }\"$stage\": {\"seconds\": $seconds, \"passed\": $([ $word = passed ] && echo true || echo false)}"
    done
done

echo "{$json}" >".build/times-$name.json"
printf '\n%s\nstages: %d passed, %d failed\n' "$table" "$passed" "$failed"
[ "$failed" = 0 ]
