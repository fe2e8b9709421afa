# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in, and over which address: also where sudo took the variable out of the environment."""

from __future__ import annotations

from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from ansible_collections.c10m.front_tier.plugins.module_utils._read.ssh import session_addresses

STAT = "%d (%s) S %d " + "0 " * 17 + "100 0\n"


def process(tree, pid, parent, program, environment):
    """Put a process into the tree."""
    folder = tree / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(STAT % (pid, program, parent))
    (folder / "environ").write_bytes(b"\0".join(environment) + b"\0")


def test_ssh_connection_of_a_parent_counts_under_sudo(tmp_path):
    """sudo starts the module without SSH_CONNECTION; the shell above it still has it."""
    process(tmp_path, 1, 0, "systemd", [b"PATH=/"])
    process(tmp_path, 10, 1, "sshd", [b"LANG=C"])
    process(tmp_path, 11, 10, "sh", [b"PATH=/", b"SSH_CONNECTION=198.51.100.7 50000 10.0.0.5 22"])
    process(tmp_path, 12, 11, "sudo", [b"SUDO_USER=a", b"NOT_SSH_CONNECTION=1 1 10.0.0.9 22"])
    process(tmp_path, 13, 12, "python3", [b"SSH_CONNECTION=nonsense"])
    assert {"10.0.0.5"} == session_addresses(Root(str(tmp_path)), 13)
    assert set() == session_addresses(Root(str(tmp_path)), 10)
    assert set() == session_addresses(Root(str(tmp_path)), 99)


def test_spellings_of_the_local_address(tmp_path):
    """A mapped IPv4 address and a link-local one with its zone are told as the host has them."""
    for pid, local in ((21, b"::ffff:10.0.0.6"), (22, b"fe80::5%eth0"), (23, b"fd00::5")):
        process(tmp_path, pid, 0, "sh", [b"SSH_CONNECTION=x 1 " + local + b" 22"])
    found = [session_addresses(Root(str(tmp_path)), pid) for pid in (21, 22, 23)]
    assert [{"10.0.0.6"}, {"fe80::5"}, {"fd00::5"}] == found
