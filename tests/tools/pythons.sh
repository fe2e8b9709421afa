#!/bin/sh
# Fill .build/pybin with links to every Python 3.8 to 3.14 that really runs and can make a virtual environment.
#
# A name on PATH proves nothing: the shims of version managers exist and exit 127. So each one is run, and only
# those that work are linked; ansible-test, which believes names, gets .build/pybin instead of the user's PATH.
set -eu

works() {
    [ -x "$1" ] && [ "$("$1" -c 'import ensurepip, ssl, sys, venv; ensurepip.version(); print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

folders() {
    echo "$PATH" | tr : '\n'
    printf '%s\n' /usr/local/bin /usr/bin
}

candidates() { # $1: 3.N
    for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin; do
        echo "$folder/python$1"
    done
    folders | while read -r folder; do
        case $folder in
            */shims) ls -d "${folder%/shims}"/versions/"$1".*/bin/python"$1" 2>/dev/null || true ;;
            /*) echo "$folder/python$1" ;;
        esac
    done
}

mkdir -p .build/pybin
for minor in 8 9 10 11 12 13 14; do
    link=.build/pybin/python3.$minor
    works "$link" "3.$minor" && continue
    rm -f "$link"
    for python in $(candidates "3.$minor"); do
        case $python in "$PWD"/*) continue ;; esac
        if works "$python" "3.$minor"; then
            ln -s "$(readlink -f "$python")" "$link"
            break
        fi
    done
done
