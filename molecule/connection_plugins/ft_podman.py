# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach a node of the testbed through `podman exec`. It serves the tests only and is no part of the collection."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shlex import quote
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: ft_podman
short_description: Reach a node of the testbed through podman exec
description:
  - Runs commands in a container and copies files through the standard input and output of a shell there.
author: The c10m.front_tier contributors
options:
  remote_addr:
    description: The container's name.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

# podman's own failures (no such container, no exec possible); a command's exit status is below that
PODMAN_FAILED = 125


class Connection(ConnectionBase):
    """One container; nothing is held open between commands."""

    transport = "ft_podman"
    has_pipelining = True

    def _connect(self) -> Connection:
        """Count as connected: the first command tells whether the container is there."""
        self._connected = True
        return self

    def _in_node(self, command: str, given: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Run a shell command in the container; return its exit status, output and errors."""
        name = self.get_option("remote_addr")
        argv = ["podman", "exec", "--interactive", name, "/bin/sh", "-c", command]
        done = subprocess.run(argv, input=given or b"", capture_output=True, check=False)
        if done.returncode == PODMAN_FAILED:
            raise AnsibleConnectionFailure(f"podman exec {name}: {done.stderr.decode(errors='replace').strip()}")
        return done.returncode, done.stdout, done.stderr

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command that Ansible has made."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._in_node(cmd, in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the container."""
        super().put_file(in_path, out_path)
        status, _output, errors = self._in_node(f"cat > {quote(out_path)}", Path(in_path).read_bytes())
        if status:
            raise AnsibleError(f"{out_path} could not be written: {errors.decode(errors='replace').strip()}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the container."""
        super().fetch_file(in_path, out_path)
        status, output, errors = self._in_node(f"cat {quote(in_path)}")
        if status:
            raise AnsibleError(f"{in_path} could not be read: {errors.decode(errors='replace').strip()}")
        Path(out_path).write_bytes(output)

    def close(self) -> None:
        """Forget the connection; there is nothing to close."""
        self._connected = False

    def reset(self, *_args: Any) -> None:
        """Reset the connection; there is nothing that could be stale."""
