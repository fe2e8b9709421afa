# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether a client gets through the transparent balancer to each server and back, which a health check does not tell.

usage: front-tier-path [PATHS]     (default: /etc/front-tier/balancer-paths.json; exit status 0: all of them, 1: not all, 2: cannot tell)

Each path is tried by a connection through HAProxy itself. A socket that only root can open takes it under the address of a client that
is not there (PROXY protocol), HAProxy dials the server from that address, and the answer has to find its way back.
"""

from __future__ import annotations

import concurrent.futures
import json
import socket
import subprocess
import sys

PATHS = "/etc/front-tier/balancer-paths.json"
DIAL = 2.0  # what HAProxy gives a dial in this section (timeout connect)
WAIT = DIAL + 1.0  # after which a connection that HAProxy still holds has reached its server
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def ends_early(path: dict) -> str | None:
    """Return why HAProxy ended the connection of a client that does not exist; None where it reached the server."""
    family = "TCP6" if ":" in path["server"] else "TCP4"
    header = "PROXY %s %s %s 40000 %d\r\n" % (family, path["client"], path["server"], path["port"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(WAIT)
        try:
            sock.connect(path["socket"])
            sock.sendall(header.encode() + (REQUEST if path["http"] else b""))
        except OSError as error:
            return "HAProxy does not take a request at %s (%s): is it running?" % (path["socket"], error.strerror)
        try:
            if sock.recv(1):
                return None
        except socket.timeout:
            return None  # still held: a server that waits for its client to speak
        except ConnectionResetError:
            pass
        return "HAProxy gets no connection to it from the address of a client"


def answers(path: dict) -> bool:
    """Tell whether the server takes a connection from the balancer's own address, as a health check makes it."""
    try:
        with socket.create_connection((path["server"], path["port"]), timeout=DIAL):
            return True
    except OSError:
        return False


def verdict(path: dict) -> str | None:
    """Return what is wrong with a path, and where to look; None where nothing is."""
    why = ends_early(path)
    if why is None or "is it running" in why:
        return why
    if not answers(path):
        return "the server answers neither a client's address nor the balancer's own: it is down, or there is no way to it"
    return (
        "%s (%s), though it answers the balancer's own: health checks stay green. On the server, `ip route get %s from %s` must lead"
        " through this balancer (front_tier_balancers of the server leads it there); here, look at `ip rule`, `ip route show table all type"
        " local`, `nft list ruleset`, and for cap_net_raw in /proc/PID/status of HAProxy"
        % (why, path["client"], path["client"], path["server"])
    )


def missing(command: str) -> str | None:
    """Return what is wrong where a command prints nothing of what the balancer needs."""
    try:
        done = subprocess.run(command.split(), capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        return "%s: %s" % (command, error)
    return None if done.stdout.strip() else "`%s` shows nothing: reload the unit front-tier.service, or run the role again" % command


def main() -> int:
    """Try all paths at once and say which are dead."""
    try:
        with open(sys.argv[1] if len(sys.argv) > 1 else PATHS) as file:
            probe = json.load(file)
    except (OSError, ValueError) as error:
        print("%s. Run the role transparent_balancer first." % error, file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(max_workers=64) as pool:
        found = list(pool.map(verdict, probe["paths"]))
    for path, why in zip(probe["paths"], found):
        print("%s port %d: %s" % (path["server"], path["port"], why or "ok"))
    lacking = [why for why in map(missing, probe["there"]) if why]
    for why in lacking:
        print(why)
    return 1 if any(found) or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
