#!/bin/sh
# Install the Debian packages named, or those of packages.txt; without root, say exactly what is missing.
set -eu

# shellcheck disable=SC2046 # a list of words
[ $# -gt 0 ] || set -- $(sed 's/#.*//' "$(dirname "$0")/packages.txt")

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian machine: cannot tell whether it has what these packages bring: $*" >&2
    exit 0
fi

missing=
for package in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Missing:$missing" >&2
    echo "Install with: sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
mkdir -p .build
exec 8>.build/apt.lock # tests/tools/venv.sh may ask for Python meanwhile
flock 8
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
# shellcheck disable=SC2086 # a list of words
apt-get -qq -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends $missing >/dev/null
