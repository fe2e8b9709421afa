# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that stays only if it is confirmed: unconfirmed, cut off, killed, and confirmed (confirm_timeout)."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import confirm
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Step
from tests.faults.points import points_in
from tests.tools import container

HERE = Path(__file__).parent
KEY = "net.core.somaxconn"
WANTED = {
    "kernel_settings": {"settings": {KEY: 12345}},
    "transparent_routing": {
        **dict.fromkeys(["client_interfaces", "addresses", "ports", "notrack"], []),
        **dict.fromkeys(["proxy_port", "gateway", "when_down"]),
        "method": "return_path",
        "interfaces": ["lo"],
        "mark": 1,
        "table": 100,
    },
}
CALLS = "write,fsync,rename,unlink,mkdir,rmdir,chmod,fchmod,fchown,symlink,sendto,vfork,wait4"


class Host:
    """A network namespace with a tree for files."""

    def __init__(self, tree):
        self.name, self.tree = "ft-" + secrets.token_hex(3), tree
        for path in ("var/lib", "run", "etc/systemd/system", "proc"):
            (tree / path).mkdir(parents=True)
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.sh("ip link set lo up")

    def sh(self, script):
        """Run a script; return what it prints."""
        return subprocess.run(["ip", "netns", "exec", self.name, "sh", "-c", script], check=True, capture_output=True, text=True).stdout

    def call(self, *before, **params):
        """Make a call from a session of its own, and end all that the session has left; None where it was killed."""
        words = [sys.executable, "-B", HERE / "confirm_driver.py", self.tree, json.dumps(params)]
        script = 'mount --rbind /proc "$0/proc"; exec "$@"'
        command = ["ip", "netns", "exec", self.name, "unshare", "-m", "sh", "-c", script, self.tree, *before, *words]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(list(map(str, command)), env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
        lines = process.communicate(timeout=60)[0].splitlines()
        try:
            os.killpg(process.pid, signal.SIGHUP)  # what a closed terminal, or a cut connection, does
        except ProcessLookupError:
            pass
        assert lines[:1] == ["begin"]
        return json.loads(lines[1]) if len(lines) > 1 else None

    def live(self):
        """Return what is live."""
        return self.sh("sysctl -n %s net.ipv4.ip_forward; ip rule; ip -6 rule; ip route show table all; nft list ruleset" % KEY)

    def files(self):
        """Return {path: text} of all files, less our state and the lock."""
        found = {str(path.relative_to(self.tree)): path for path in self.tree.rglob("*") if path.is_file() or path.is_symlink()}
        return {
            name: os.readlink(path) if path.is_symlink() else path.read_text()
            for name, path in found.items()
            if not name.startswith(("proc/", "var/lib/front-tier", "run/front-tier.lock"))
        }

    def state(self):
        """Return the names in the folder of our state."""
        return sorted(path.name for path in (self.tree / "var/lib/front-tier").glob("*"))

    def until(self, live, seconds):
        """Wait until what is live is as given and nothing waits any more; tell whether it came to that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.live() == live and "journal" not in self.state() and "undo.py" not in self.state():
                return True
            time.sleep(0.1)
        return False


@pytest.fixture
def host(tmp_path):
    """Return a fresh host."""
    if os.geteuid() or not shutil.which("nft"):
        pytest.skip("takes root and nft (apt-get install nftables)")
    made = Host(tmp_path / "tree")
    yield made
    subprocess.run(["ip", "netns", "del", made.name], check=True)


def test_what_nobody_confirms_is_undone_by_the_host(host):
    """The live values are set, no file is written, and after the time all is as before, although the session has ended."""
    live, files = host.live(), host.files()
    answer = host.call(**WANTED, confirm_timeout=3)
    assert answer["result"]["changed"] is True
    assert answer["result"]["unconfirmed"]
    assert host.live().split()[0] == "12345"
    assert "front_tier" in host.live()
    assert host.files() == files
    assert "waits for its confirmation" in host.call(**WANTED)["error"]
    assert host.live().split()[0] == "12345"
    assert host.until(live, 10)
    assert host.files() == files
    assert host.state() == []


def test_what_is_confirmed_stays(host):
    """The confirmation writes the files, and when the time is over nothing happens; absent knows the first originals."""
    live, files = host.live(), host.files()
    began = time.monotonic()
    plain = host.call(**WANTED, confirm_timeout=4)["result"]
    token = plain.pop("unconfirmed")
    assert "error" not in host.call(**WANTED, confirm_timeout=4, confirmation=token)
    assert "etc/sysctl.d/90-front-tier.conf" in host.files()
    assert host.state() == ["sets.json"]
    set_to = host.live()
    time.sleep(max(0.0, began + 6 - time.monotonic()))
    assert host.live() == set_to
    assert host.call(**WANTED, confirm_timeout=4)["result"]["changed"] is False
    host.call(state="absent")
    assert (host.live(), host.files(), host.state()) == (live, files, [])
    assert host.call(**WANTED)["result"] == plain  # the same diff with and without


def test_a_ceiling_falls_only_with_the_confirmation():
    """Files may still ask for what a lower fs.nr_open would not leave: logins would break, the confirming one among them."""
    falls, rises = Step("sysctl", "fs.nr_open", "2000000", "1048576"), Step("sysctl", "fs.nr_open", "1048576", "2000000")
    assert confirm._waits_for_files(falls) and not confirm._waits_for_files(rises)
    assert confirm._waits_for_files(Step("file", "/etc/x", None, {})) and not confirm._waits_for_files(Step("sysctl", KEY, "1", "0"))


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_confirm_timeout_has_bounds(host, seconds):
    """A time that no timer can wait for is refused, and nothing is touched."""
    live = host.live()
    assert "give 1 to 3600 seconds" in host.call(**WANTED, confirm_timeout=seconds)["error"]
    assert (host.live(), host.state()) == (live, [])


@pytest.mark.parametrize("token", ["0" * 16, "late"])
def test_a_wrong_or_late_confirmation_is_refused(host, token):
    """A token that is not the one, or comes when the undo was quicker, writes nothing."""
    live, files = host.live(), host.files()
    real = host.call(**WANTED, confirm_timeout=2)["result"]["unconfirmed"]
    if token == "late":
        assert host.until(live, 10)
    answer = host.call(**WANTED, confirm_timeout=2, confirmation=real if token == "late" else token)
    assert "too late" in answer["error"]
    assert token == "late" or "undo.py" in host.state()  # a wrong one leaves the undo of the right one armed
    assert host.files() == files
    assert host.until(live, 10)


def test_what_touches_nothing_live_needs_no_confirmation(host):
    """With live: false there is nothing that could cut anyone off."""
    answer = host.call(**WANTED, confirm_timeout=60, live=False)["result"]
    assert "unconfirmed" not in answer
    assert "etc/sysctl.d/90-front-tier.conf" in host.files()


def points(host, tmp_path, **params):
    """Return [(system call, how manieth)] of every writing call of a call, and its answer."""
    log = tmp_path / "trace"
    answer = host.call("strace", "-qq", "-o", str(log), "-e", "trace=" + CALLS, **params)
    rows = points_in(log)
    assert len(rows) > 30
    return rows, answer["result"]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
@pytest.mark.parametrize("half", ["first", "confirmation"])
def test_killed_in_either_half_it_is_undone_or_whole(host, tmp_path, half):
    """Killed while it sets live values, or while it confirms: all goes back by itself or with the next run."""
    live, files = host.live(), host.files()
    rows, result = points(host, tmp_path, **WANTED, confirm_timeout=1)
    assert host.until(live, 10)
    if half == "confirmation":
        result = host.call(**WANTED, confirm_timeout=60)["result"]
        rows, _answer = points(host, tmp_path, **WANTED, confirm_timeout=60, confirmation=result["unconfirmed"])
        host.call(state="absent")
    assert (host.live(), host.files()) == (live, files)
    for call, nth in rows if os.environ.get("FAULTS") == "all" else rows[secrets.randbelow(12) :: 12]:
        kill = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + CALLS, "-e", f"inject={call}:signal=KILL:when={nth}"]
        if half == "first":
            host.call(*kill, **WANTED, confirm_timeout=1)
        else:
            token = host.call(**WANTED, confirm_timeout=2)["result"]["unconfirmed"]
            host.call(*kill, **WANTED, confirm_timeout=2, confirmation=token)
        time.sleep(2.5 if half == "confirmation" else 1.5)
        answer = host.call(state="absent")
        assert "result" in answer, f"{call} {nth}: {answer}"
        assert (host.live(), host.files(), host.state()) == (live, files, []), f"{call} {nth}"


@pytest.fixture
def node():
    """Return the name of a container with systemd."""
    if not container.has_image("bookworm"):
        pytest.skip(container.WHY_NOT)
    name = "ft-confirm-" + secrets.token_hex(3)
    container.start(name, "bookworm")
    for _attempt in range(40):
        if "running" in inside(name, "systemctl is-system-running --wait"):
            break
        time.sleep(0.5)
    yield name
    container.remove(name)


def inside(name, script):
    """Run a script in a container; return what it prints."""
    return subprocess.run(["podman", "exec", name, "sh", "-c", script], capture_output=True, text=True, check=False, timeout=60).stdout


def ansible(name, connection, arguments):
    """Run host_config as Ansible does; return its exit status and what it prints."""
    here = HERE.parents[1]
    words = ["ansible", "all", "-i", name + ",", "-c", connection, "-e", "ansible_python_interpreter=/usr/bin/python3"]
    plugins = f"{here}/molecule/connection_plugins:{HERE}/cut"
    env = {**os.environ, "ANSIBLE_CONNECTION_PLUGINS": plugins, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    words += ["-m", "c10m.front_tier.host_config", "-a", json.dumps(arguments)]
    done = subprocess.run(words, env=env, cwd=here, capture_output=True, text=True, check=False, timeout=180)
    return done.returncode, done.stdout + done.stderr


ASKED = {"kernel_settings": {"settings": {KEY: 12345}}, "confirm_timeout": 30}
STATE = f"sysctl -n {KEY}; find /etc/sysctl.d /var/lib/front-tier -type f | sort; systemctl list-units --all 'front-tier-undo*' --no-legend"


def test_the_action_confirms_over_a_fresh_connection(node):
    """In one task the change is made and confirmed: its file is there, and no timer is left."""
    status, said = ansible(node, "ft_podman", ASKED)
    assert status == 0, said
    assert '"changed": true' in said
    assert "unconfirmed" not in said
    assert inside(node, STATE).split()[0] == "12345"
    assert "90-front-tier.conf" in inside(node, STATE)
    assert "sets.json" in inside(node, STATE)
    assert "undo" not in inside(node, STATE)
    assert ansible(node, "ft_podman", ASKED)[1].count('"changed": false') == 1


def test_a_host_that_is_cut_off_undoes_it(node):
    """When no fresh connection comes about, the task fails, and a timer of the host brings everything back."""
    before = inside(node, STATE)
    status, said = ansible(node, "ft_cut", dict(ASKED, confirm_timeout=8))
    assert status != 0
    assert "was not confirmed within 8 s" in said
    assert "no route to host" in said
    for _attempt in range(50):
        if inside(node, STATE) == before:
            break
        time.sleep(0.3)
    assert inside(node, STATE) == before
