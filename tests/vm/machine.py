# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine with a kernel of its own, which a test boots, commands over ssh, reboots and throws away.

Every machine writes to an overlay that dies with it. Every wait has an end: what does not boot is killed, started
once more, and counted as trouble of the testbed, not as a failure of what is tested.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import io
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from images import CONTROL_MAC, MACS, MANAGED, PROJECT, Image, Unavailable, cache_folder, in_use

WORK = PROJECT / ".build" / "vm"
# The ends of a wait. A boot takes 20 to 40 seconds of processor time, and on a busy host many more by the clock: a
# machine that hangs is told from one that waits for its turn by the processor time it takes.
BOOT_PROCESSOR_SECONDS = 150.0
BOOT_SECONDS = 600.0
STOP_SECONDS = 300.0
COMMAND_SECONDS = 120.0
PROBE_SECONDS = 20.0
SNAPSHOT = "ready"
QEMU = "qemu-system-x86_64"
SSH_OPTIONS = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
    "IdentitiesOnly": "yes",
    "ConnectTimeout": "60",
    "ServerAliveInterval": "15",
}


class MachineError(Exception):
    """The testbed failed: a machine did not start, did not answer in time, or died."""


class CommandError(Exception):
    """A command that had to succeed in a machine did not; the message holds its output."""


class Link(str):
    """The target of a symbolic link, where `Machine.put` would otherwise write a text."""


class Machine:
    """One virtual machine: `with Machine(image) as machine: machine.run("uname -r")`.

    `append` is added to the kernel command line. With `restore` the machine starts from a snapshot taken right after
    a boot with that very command line (made now where there is none); a restored machine is no proof of a boot.
    """

    def __init__(self, image: Image, append: str = "", restore: bool = False, memory: int = 1024) -> None:
        self.image = image
        self.append = append
        self.restore = restore
        self.memory = memory
        self.port = 0
        self.restarts = 0  # how often the testbed itself had to start again: infrastructure, not results
        self._cleanup = contextlib.ExitStack()
        self._qemu: subprocess.Popen[bytes] | None = None
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Machine:
        atexit.register(self.close)
        try:
            self._cleanup.enter_context(_slot())
            self._cleanup.enter_context(in_use(self.image))
            _sweep()
            WORK.mkdir(parents=True, exist_ok=True)
            # The sockets' folder is apart: a unix socket's path holds 107 bytes, a checkout's path may be longer.
            self.folder = Path(self._cleanup.enter_context(_scratch("run-%d-" % os.getpid(), WORK)))
            self.sockets = Path(self._cleanup.enter_context(_scratch("ft-vm-%d-" % os.getpid(), None)))
            self.overlay = self.folder / "disk.qcow2"
            self._start_first()
        except BaseException:
            self._keep_console()
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None and issubclass(kind, Exception):
            self._keep_console()
        self.close()

    def close(self) -> None:
        """Kill the machine and delete what it wrote; harmless when repeated."""
        self._stop_ssh()
        self._stop_qemu()
        self._cleanup.close()
        atexit.unregister(self.close)

    def run(
        self, command: str, stdin: str | bytes = b"", check: bool = True, seconds: float = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root and return its result; with `check` a status other than 0 raises CommandError."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            raw = subprocess.run([*self.ssh_command(), command], input=data, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise MachineError("%s: no end within %.0f s: %s" % (self.image.suite, seconds, command)) from error
        done = subprocess.CompletedProcess(
            command, raw.returncode, raw.stdout.decode("utf-8", "replace"), raw.stderr.decode("utf-8", "replace")
        )
        if check and done.returncode != 0:
            raise CommandError("%s: status %d: %s\n%s%s" % (self.image.suite, done.returncode, command, done.stdout, done.stderr))
        return done

    def put(self, files: Mapping[str, str | bytes | Link | Path]) -> None:
        """Write files by absolute path: a text, bytes, a Link, or a local file or folder to copy whole."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, content in files.items():
                _add(tar, path.lstrip("/"), content)
        self.run("tar -xf - -C / --no-same-owner --no-same-permissions", archive.getvalue())

    def reboot(self) -> float:
        """Restart the machine as its administrator would, and return the seconds until it had booted again.

        The guest shuts down by itself and QEMU ends at the reset; the same overlay is then started again. A reset
        inside QEMU hung for minutes on an overloaded host; this way takes the same path through the guest's systemd.
        """
        before = self.boot_id()
        started = time.monotonic()
        self.run("sync; systemctl --no-block reboot", check=False)
        self._stop_ssh()
        try:
            self._wait(lambda: self._process().poll() is not None, STOP_SECONDS, "shutdown")
        except MachineError:
            self.restarts += 1
        self._stop_qemu()
        self._start_until_it_answers([])
        if self.boot_id() == before:
            raise MachineError("%s: did not reboot" % self.image.suite)
        return time.monotonic() - started

    def boot_id(self) -> str:
        """Return what the kernel calls this boot."""
        return self.run("cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def ssh_command(self) -> list[str]:
        """Return the ssh command line, without the command to run, that reaches this machine."""
        words = [word for name, value in self._ssh_options().items() for word in ("-o", "%s=%s" % (name, value))]
        return ["ssh", "-F", "none", "-i", str(self.image.key), "-p", str(self.port), *words, "root@127.0.0.1"]

    def _ssh_options(self) -> dict[str, str]:
        return {**SSH_OPTIONS, "ControlPath": str(self.sockets / "ssh")}

    def inventory(self) -> dict[str, str | int]:
        """Return the Ansible variables of a host that is this machine."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.image.key),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_pipelining": "true",
            # Over the connection that is there: a new one takes an emulated machine two seconds.
            "ansible_ssh_common_args": " ".join("-o %s=%s" % item for item in self._ssh_options().items()),
        }

    # Starting

    def _start_first(self) -> None:
        snapshot = self._snapshot_path()
        if self.restore and snapshot.exists():
            shutil.copyfile(snapshot, self.overlay)
            self._start_until_it_answers(["-loadvm", SNAPSHOT])
            self.run("date -s @%d" % time.time())  # the guest's clock stood still since the snapshot
            return
        _new_overlay(self.overlay, self.image.disk)
        self._start_until_it_answers([])
        if self.restore:
            self._save(snapshot)

    def _snapshot_path(self) -> Path:
        version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
        same = json.dumps([version, accelerator(self.image.kernel), self.memory, self.append, Path(__file__).read_text()])
        digest = hashlib.sha256(same.encode()).hexdigest()[:12]
        return self.image.disk.with_name("%s-%s.qcow2" % (SNAPSHOT, digest))

    def _save(self, snapshot: Path) -> None:
        """Keep this machine, booted and idle, for later machines to start from; it goes on running."""
        for stale in snapshot.parent.glob(SNAPSHOT + "-*"):
            stale.unlink(missing_ok=True)
        self.run("sync")
        self._stop_ssh()  # a connection in the snapshot would be a stale one in each machine restored from it
        self._monitor("stop")
        self._monitor("savevm " + SNAPSHOT)
        copy = snapshot.with_suffix(".%d" % os.getpid())
        try:
            shutil.copyfile(self.overlay, copy)
            os.replace(copy, snapshot)
        finally:
            copy.unlink(missing_ok=True)
        self._monitor("delvm " + SNAPSHOT)
        self._monitor("cont")
        self._connect()

    def _start_until_it_answers(self, more: list[str]) -> None:
        for attempt in (1, 2):
            try:
                self._start_qemu(more)
                self._connect()
                return
            except MachineError as error:
                self._keep_console()
                self._stop_ssh()
                self._stop_qemu()
                if attempt == 2:
                    raise
                self.restarts += 1
                print("testbed: %s; starting again" % error, file=sys.stderr, flush=True)

    def _start_qemu(self, more: list[str]) -> None:
        for _attempt in range(5):
            # Below the range from which other programs' connections take their ports.
            self.port = random.randrange(20000, 30000)
            log = self.folder / "qemu.log"
            with open(log, "wb") as output:
                self._qemu = _spawn([*self._qemu_command(), *more], output)
            time.sleep(0.3)
            if self._qemu.poll() is None:
                return
            if "host forwarding" not in log.read_text(errors="replace"):
                break
        raise MachineError("%s: QEMU ended at once: %s" % (self.image.suite, log.read_text(errors="replace").strip()))

    def _qemu_command(self) -> list[str]:
        # One processor: with two, a guest's reset hung on an overloaded host. cache=unsafe: a machine never outlives
        # this host, so nothing has to reach its disk. restrict: the guest reaches nothing but the forwarded port.
        return [
            *(QEMU, "-M", "pc", *accelerator(self.image.kernel), "-smp", "1", "-m", str(self.memory)),
            *("-display", "none", "-monitor", "none", "-no-reboot"),
            *("-serial", "file:%s" % self._console(), "-qmp", "unix:%s,server=on,wait=off" % (self.sockets / "qmp")),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", ("console=ttyS0 root=/dev/vda rw quiet panic=-1 " + self.append).strip()),
            *("-drive", "file=%s,if=virtio,format=qcow2,cache=unsafe" % self.overlay),
            *("-nic", "user,model=virtio-net-pci,mac=%s,restrict=on,hostfwd=tcp:127.0.0.1:%d-:22" % (CONTROL_MAC, self.port)),
            # A hub with one port is a wire with a link and nobody at its other end.
            *(
                word
                for number, name in enumerate(MANAGED, 1)
                for word in ("-nic", "hubport,hubid=%d,model=virtio-net-pci,mac=%s" % (number, MACS[name]))
            ),
        ]

    def _connect(self) -> None:
        """Wait until sshd speaks, log in, and wait until systemd has done all that belongs to the boot."""
        # A guest that is slow to answer must not be flooded with connections: sshd refuses when ten are waiting.
        patience = itertools.chain((2, 2, 4, 8), itertools.repeat(20))
        self._wait(lambda: self._banner(next(patience)), BOOT_SECONDS, "boot", BOOT_PROCESSOR_SECONDS)
        with open(self.folder / "ssh.log", "ab") as log:
            self._master = _spawn(["ssh", "-N", "-M", *self.ssh_command()[1:]], log)
        check = ["ssh", "-O", "check", *self.ssh_command()[1:]]
        self._wait(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0, 180, "login")
        self.run("systemctl is-system-running --wait", check=False, seconds=BOOT_SECONDS)

    def _banner(self, patience: float) -> bool:
        # An open port says nothing: QEMU accepts before the guest listens.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _wait(self, happened: Callable[[], bool], seconds: float, what: str, processor: float = 1e9) -> None:
        end = time.monotonic() + seconds
        processor += self._processor_seconds()
        while not happened():
            if self._process().poll() is not None:
                raise MachineError("%s: QEMU ended during %s" % (self.image.suite, what))
            if self._master is not None and self._master.poll() is not None:
                raise MachineError("%s: ssh ended during %s: %s" % (self.image.suite, what, self._log("ssh.log")))
            if time.monotonic() > end or self._processor_seconds() > processor:
                raise MachineError("%s: no end of the %s within %.0f s" % (self.image.suite, what, seconds))
            time.sleep(0.1)

    def _processor_seconds(self) -> float:
        try:
            words = Path("/proc/%d/stat" % self._process().pid).read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    # Stopping

    def _stop_ssh(self) -> None:
        _stop(self._master)
        self._master = None

    def _stop_qemu(self) -> None:
        _stop(self._qemu)  # by SIGTERM first: QEMU then writes the overlay's last tables
        self._qemu = None

    def _keep_console(self) -> None:
        if not hasattr(self, "folder") or not self._console().exists():
            return
        kept = WORK / ("failed-%s-%s.log" % (self.image.suite, time.strftime("%H%M%S")))
        shutil.copyfile(self._console(), kept)
        print("testbed: console kept in %s" % kept.relative_to(PROJECT), file=sys.stderr, flush=True)

    # Small things

    def _console(self) -> Path:
        return self.folder / "console.log"

    def _log(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace").strip()

    def _process(self) -> subprocess.Popen[bytes]:
        if self._qemu is None:
            raise MachineError("%s: the machine is not running" % self.image.suite)
        return self._qemu

    def _monitor(self, command: str) -> None:
        """Give QEMU one monitor command; a monitor's answer is an error's text, so any answer raises."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(60)
            control.connect(str(self.sockets / "qmp"))
            with control.makefile("rwb") as stream:
                stream.readline()
                for name, arguments in (("qmp_capabilities", {}), ("human-monitor-command", {"command-line": command})):
                    stream.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
                    stream.flush()
                    answer = json.loads(stream.readline())
                    while "event" in answer:
                        answer = json.loads(stream.readline())
                    if answer.get("return"):
                        raise MachineError("%s: %s: %s" % (self.image.suite, command, answer))
                    if "error" in answer:
                        raise MachineError("%s: %s: %s" % (self.image.suite, command, answer["error"]))


@functools.lru_cache(maxsize=None)
def accelerator(kernel: Path) -> tuple[str, ...]:
    """Return QEMU's options for the processor: KVM where it really runs this kernel, else pure emulation.

    A /dev/kvm that opens is no proof: nested in another hypervisor it may stop at the first instruction. So the
    kernel is started without a disk, and has to reach its panic for want of one.
    """
    kvm = ("-accel", "kvm", "-cpu", "host")
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        command = [QEMU, "-M", "pc", *kvm, "-m", "256", "-display", "none", "-monitor", "none", "-no-reboot"]
        command += ["-serial", "stdio", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False)
            if done.returncode == 0 and b"Kernel panic" in done.stdout:
                return kvm
    return ("-accel", "tcg,thread=multi", "-cpu", "max")


def _spawn(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own (a terminal's ^C is ours to handle) that dies when this process dies."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _new_overlay(overlay: Path, disk: Path) -> None:
    overlay.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk), "-F", "raw", str(overlay)]
    subprocess.run(command, check=True)


def _add(tar: tarfile.TarFile, name: str, content: str | bytes | Link | Path) -> None:
    if isinstance(content, Path):
        tar.add(content, name, filter=lambda member: None if "__pycache__" in member.name else member)
        return
    member = tarfile.TarInfo(name)
    if isinstance(content, Link):
        member.type, member.linkname = tarfile.SYMTYPE, str(content)
        tar.addfile(member)
        return
    data = content.encode() if isinstance(content, str) else content
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))


@contextlib.contextmanager
def _scratch(prefix: str, parent: Path | None) -> Iterator[str]:
    path = tempfile.mkdtemp(prefix=prefix, dir=parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _slot() -> Iterator[None]:
    """Hold one of as many places as this host has processors: more machines than that only hinder each other."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for number in range(os.cpu_count() or 1):
            lock = stack.enter_context(open(folder / ("slot-%d.lock" % number), "w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield
            return
        raise Unavailable("as many virtual machines as processors run already: %s" % folder)


def _sweep() -> None:
    """Delete what earlier processes left that were killed before they could."""
    for folder in [*WORK.glob("run-*-*"), *Path(tempfile.gettempdir()).glob("ft-vm-*-*")]:
        pid = folder.name.rsplit("-", 2)[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
