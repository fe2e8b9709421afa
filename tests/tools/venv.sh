#!/bin/sh
# Make or refresh a virtual environment from its lock: venv.sh run | dev | floor. Does nothing, fast, when it is current.
#
# run and dev share .venv (dev has everything that run has); floor, in .build/venv-floor, has the oldest ansible-core.
set -eu

case ${1:-} in
    run)   folder=.venv             lock=requirements.txt        highest=14 ;;
    dev)   folder=.venv             lock=requirements-dev.txt    highest=14 ;;
    floor) folder=.build/venv-floor lock=requirements-floor.txt  highest=13 ;; # core 2.18 ends at Python 3.13
    *) echo "usage: venv.sh run | dev | floor" >&2; exit 2 ;;
esac

stamp() { # scripts of an environment hold its path, so a moved checkout needs a new one
    echo "$PWD $(cksum <"$1")"
}

current() { # $1: a kind, $2: its lock
    [ "$(cat "$folder/stamp-$1" 2>/dev/null)" = "$(stamp "$2")" ] && "$folder/bin/python" -c '' 2>/dev/null
}

fresh() {
    current "$1" "$lock" || { [ "$1" = run ] && current dev requirements-dev.txt; }
}

newest() { # 3.11 is the lowest Python that a controller may have
    minor=$highest
    while [ "$minor" -ge 11 ]; do
        [ -x ".build/pybin/python3.$minor" ] && readlink -f ".build/pybin/python3.$minor" && return
        minor=$((minor - 1))
    done
    return 1
}

no_python() {
    if python3 -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "python3 here cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2
    else
        echo "A Python 3.11 to 3.$highest is needed and none was found. On Debian 12 or newer: apt-get install python3 python3-venv" >&2
    fi
    exit 1
}

fresh "$1" && exit 0
mkdir -p .build
exec 9>.build/venv.lock
flock 9
fresh "$1" && exit 0

sh tests/tools/pythons.sh
if ! newest >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    sh tests/tools/apt.sh python3 python3-venv
    sh tests/tools/pythons.sh
fi
python=$(newest) || no_python

if ! "$folder/bin/python" -c '' 2>/dev/null || ! grep -qsF "$PWD " "$folder"/stamp-*; then
    rm -rf "$folder"
    "$python" -m venv "$folder"
fi
echo "Installing $lock into $folder ($("$folder/bin/python" -V)) ..."
"$folder/bin/python" -m pip install -qq --no-compile --disable-pip-version-check --require-hashes -r "$lock"
stamp "$lock" >"$folder/stamp-$1"
