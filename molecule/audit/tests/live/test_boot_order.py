# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot values are decided by the file that systemd would read last; the restarted node is the witness in tests/booted."""

from __future__ import annotations

from typing import Any


def test_the_deciding_file_is_the_last_of_cat_config(host: Any, audit: Any, printed: Any) -> None:
    """For each key that a file names in full, value and file are the last ones that systemd-analyze cat-config shows."""
    last: dict[str, tuple[str, str]] = {}
    path = ""
    for line in host.check_output("systemd-analyze cat-config sysctl.d").splitlines():
        if line.startswith("# /"):
            path = line[2:]
        elif "=" in line and not line.startswith("#") and not path.startswith("/run/"):
            key, _equals, value = line.partition("=")
            last[key.strip().replace("/", ".")] = (" ".join(value.split()), path)
    limits = {limit["name"]: limit["boot"] for limit in audit["limits"] if limit["scope"] == "netns"}
    told = {name: (printed(limits[name]["value"]), limits[name]["source"].rpartition(":")[0]) for name in last if name in limits}
    assert told == {name: found for name, found in last.items() if name in limits}
    assert len(told) >= 5


def test_units_boot_with_what_their_drop_ins_say(audit: Any) -> None:
    """The next start of nginx gets the later drop-in, whether systemd knows of it yet or not; haproxy gets the default."""
    boots = {service["name"]: service["boot"] for service in audit["services"]}
    assert boots["nginx.service"]["nofile"] == {"soft": 12000, "hard": 12000}
    assert boots["nginx.service"]["source"].startswith("/etc/systemd/system/nginx.service.d/60-later.conf")
    assert boots["haproxy.service"]["nofile"] == {"soft": 1024, "hard": 524288}


def test_sessions_get_what_limits_conf_says(host: Any, audit: Any) -> None:
    """The nofile of a user is what a new session of that user really gets through PAM."""
    told = host.check_output("su -s /bin/sh www-data -c 'ulimit -Sn; ulimit -Hn'").split()
    (user,) = [limit for limit in audit["limits"] if limit["scope"] == "user"]
    assert (user["subject"], [str(user["value"]["soft"]), str(user["value"]["hard"])]) == ("www-data", told)
