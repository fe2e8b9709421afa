# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fd_limits on a host that is a tree of plain files, with real processes in its units: every trap by its name."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply import things
from ansible_collections.c10m.front_tier.plugins.module_utils._apply.kinds import process, unit
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal, file_value
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root
from tests.limits.conftest import HARD, limits

DROP_IN = "/etc/systemd/system/web.service.d/50-front-tier.conf"
LIMITS = "/etc/security/limits.d/50-front-tier.conf"
MANAGER = "/etc/systemd/system.conf.d/50-front-tier.conf"
HIGH = {"soft": 16384, "hard": HARD}


def body(text):
    """Return a text of ours without its first line."""
    return text and text.split("\n", 1)[1]


def refused(host, message, **params):
    """Make a change that must be refused with these words, and must leave everything as it is."""
    before = host.snapshot()
    with pytest.raises(Refusal) as refusal:
        host.change(**params)
    assert message in str(refusal.value)
    assert str(refusal.value).endswith(" Nothing was changed.")
    assert before == host.snapshot()


def test_quartet(host):
    """Check, do, again, again in check mode: check tells exactly what is done, and a second run rewrites nothing."""
    pid = host.process("web.service")
    asked = {"nofile": HIGH, "users": ["app"], "units": ["web", "app@.service"], "default": True}
    told = host.change(check=True, **asked)
    assert (1024, HARD) == limits(pid)
    assert told == host.change(**asked)
    assert (16384, HARD) == limits(pid)
    assert "[Service]\nLimitNOFILE=16384:%d\n" % HARD == body(host.text(DROP_IN))
    assert "[Service]\nLimitNOFILE=16384:%d\n" % HARD == body(host.text(DROP_IN.replace("web", "app@")))
    assert "[Manager]\nDefaultLimitNOFILE=16384:%d\n" % HARD == body(host.text(MANAGER))
    assert "app soft nofile 16384\napp hard nofile %d\n" % HARD == body(host.text(LIMITS))
    inodes = {path: os.stat(str(host.top) + path).st_ino for path in (DROP_IN, LIMITS, MANAGER)}
    again = host.change(**asked)
    assert (False, []) == (again["changed"], again["steps"])
    assert again == host.change(check=True, **asked)
    assert inodes == {path: os.stat(str(host.top) + path).st_ino for path in inodes}


def test_absent_takes_all_of_it_back_and_a_second_time_nothing(host):
    """Files, folders, ceilings and processes are as before; a second absent changes nothing."""
    pid = host.process("web.service")
    host.plant({"/proc/sys/fs/nr_open": "10000\n"})
    before = host.snapshot()
    host.change(nofile=HIGH, users=["app"], units=["web"], default=True)
    assert str(HARD) == host.text("/proc/sys/fs/nr_open").strip()
    host.change(state="absent")
    assert before == host.snapshot()
    assert ((1024, HARD), "10000") == (limits(pid), host.text("/proc/sys/fs/nr_open").strip())
    assert host.change(state="absent")["changed"] is False


def test_ceilings_rise_before_and_fall_after_all_that_must_stay_below_them(host):
    """fs.nr_open and fs.file-max come before files and prlimit on the way up, and after them on the way down."""
    host.process("web.service")
    host.plant({"/proc/sys/fs/nr_open": "10000\n", "/proc/sys/fs/file-max": "15000\n"})
    up = host.change(nofile=HIGH, users=["app"], units=["web"])["steps"]
    kinds = [step.split()[0] for step in up if not step.startswith("folder")]
    assert ["sysctl", "sysctl", "file", "file", "file", "process"] == kinds
    assert ["sysctl fs.nr_open", "sysctl fs.file-max"] == [step for step in up if step.startswith("sysctl")]
    assert "fs.file-max = %d\nfs.nr_open = %d\n" % (HARD + 8192, HARD) == body(host.text("/etc/sysctl.d/90-front-tier.conf"))
    down = [step for step in host.change(state="absent")["steps"] if not step.startswith("folder")]
    assert ["sysctl fs.nr_open", "sysctl fs.file-max"] == down[-2:]


def test_a_ceiling_that_only_the_next_boot_lowers_is_kept_too(host):
    """A value set by hand is enough now; sessions would break after a restart, so it goes into a file."""
    host.plant({"/proc/sys/fs/nr_open": "4000000\n"})
    result = host.change(nofile=2000000, users=["app"])
    assert "fs.nr_open = 4000000\n" == body(host.text("/etc/sysctl.d/90-front-tier.conf"))
    assert "sysctl fs.nr_open" not in result["steps"]


SETTING = {"settings": {"fs.nr_open": 2000000}}


def test_trap_nr_open_falls_at_the_next_boot_only(host):
    """live: false leaves the ceiling as it is now: what would be refused after a restart is refused all the same."""
    host.plant({"/proc/sys/fs/nr_open": "2000000\n", "/etc/sysctl.d/10-other.conf": "fs.nr_open = 2000000\n"})
    host.change(nofile=2000000, users=["app"], name="logins")
    refused(
        host,
        "fs.nr_open would fall to 65536 at the next boot, below the nofile 2000000 of %s:3: sshd and sudo would refuse to start sessions. "
        "Lower that line first, or keep fs.nr_open at 2000000." % LIMITS.replace("front-tier", "logins"),
        kernel_settings={"settings": {"fs.nr_open": 65536}, "live": False},
    )
    assert host.change(kernel_settings={"settings": {"fs.nr_open": 3000000}, "live": False})["changed"]


@pytest.mark.parametrize("after", [{"kernel_settings": {"settings": {}}}, {"kernel_settings": {}, "state": "absent"}])
def test_trap_key_of_nr_open_dropped_while_the_live_value_stays(host, after):
    """A value that was there by hand stays, but the file that would keep it goes: units and logins of the next boot rely on it."""
    host.plant({"/proc/sys/fs/nr_open": "2000000\n"})
    host.change(kernel_settings=SETTING)
    host.change(nofile=2000000, units=["web"], name="units")
    refused(host, "fs.nr_open would fall to 1048576 at the next boot, and set units gives web.service nofile 2000000:2000000.", **after)
    host.change(name="units", state="absent")
    host.plant({"/etc/security/limits.d/zz.conf": "app - nofile 1500000\n"})
    refused(host, "would fall to 1048576 at the next boot, below the nofile 1500000 of /etc/security/limits.d/zz.conf:1", **after)
    (host.top / "etc/security/limits.d/zz.conf").unlink()
    assert host.change(**after)["changed"]
    assert "2000000\n" == host.text("/proc/sys/fs/nr_open")


def test_a_boot_that_is_too_low_already_is_not_this_change(host):
    """A rule that others broke before us stops no change that has nothing to do with it."""
    host.plant({"/etc/security/limits.d/zz.conf": "app - nofile 4000000\n", "/proc/sys/fs/nr_open": "4000000\n"})
    host.change(kernel_settings={"settings": {"fs.nr_open": 3000000}, "live": False})
    assert host.change(kernel_settings={"settings": {}})["changed"]
    assert host.change(nofile=65536, units=["web"])["changed"]


def test_nofile_above_nr_open_in_a_container(host):
    """The bound of the machine outside is named, what would break, and the two ways out."""
    host.plant({"/run/systemd/container": "podman\n"})
    refused(
        host,
        "nofile 2000000 is above fs.nr_open 1048576, and this container cannot raise it: sshd and sudo would refuse to start sessions. "
        "Raise it on the machine outside, or ask for at most 1048576. Nothing was changed.",
        nofile=2000000,
        users=["app"],
    )
    assert host.change(nofile=1048576, users=["app"])["changed"]


def test_nofile_above_nr_open_where_it_cannot_be_seen(host):
    """Without fs.nr_open nothing is promised."""
    (host.top / "proc/sys/fs/nr_open").unlink()
    refused(host, "nofile 65536 is above fs.nr_open 0, and it is not there", nofile=65536, users=["app"])


def test_live_false_never_leaves_a_limit_that_breaks_logins_until_the_boot(host):
    """limits.d counts at once, also where live is false: a limit above fs.nr_open has to wait for it."""
    refused(host, "live: false leaves that as it is until the next boot", nofile=2000000, users=["app"], live=False)


def test_more_than_process_1_can_give(host):
    """Without CAP_SYS_RESOURCE, sessions above the limit of process 1 would be refused; units are started with less, which is said."""
    host.plant(
        {
            "/proc/1/status": "CapEff:\t0000000000000000\n",
            "/proc/1/limits": "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   20000   files\n",
        }
    )
    refused(host, "nofile 65536 is above the 20000 that process 1 has", nofile=65536, users=["app"])
    pid = host.process("web.service")
    result = host.change(nofile=65536, units=["web"])
    assert "systemd starts web.service with that" in result["warnings"][0]
    assert ([], (20000, 20000)) == (result["needs_restart"], limits(pid))  # all that a restart could give it


def test_a_hard_limit_that_a_unit_just_keeps_is_not_worth_a_word(host, monkeypatch):
    """In a container systemd says a hard limit that process 1 cannot give: who does not raise it is told nothing, who does is."""
    host.plant(
        {
            "/proc/1/status": "CapEff:\t0000000000000000\n",
            "/proc/1/limits": "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   20000   files\n",
        }
    )
    monkeypatch.setattr(unit, "read_live", lambda root, names: {name: {"nofile": {"soft": 1024, "hard": 524288}} for name in names})
    pid = host.process("web.service")
    assert [] == host.change(nofile={"soft": 9475, "hard": 524288}, units=["web"])["warnings"]
    assert "[Service]\nLimitNOFILE=9475:524288\n" == body(host.text(DROP_IN))
    assert (9475, HARD) == limits(pid)
    assert "nofile 600000 is above" in host.change(nofile={"soft": 9475, "hard": 600000}, units=["web"])["warnings"][0]
    assert "nofile 30000 is above" in host.change(nofile={"soft": 30000, "hard": 524288}, units=["web"])["warnings"][0]


@pytest.mark.parametrize(("nofile", "message"), [(0, "nofile 0"), (-5, "nofile -5"), ("x", "no whole number"), (None, "nofile is missing")])
def test_nofile_zero_negative_or_no_number(host, nofile, message):
    """The module refuses it as the planner does."""
    refused(host, message, nofile=nofile, units=["web"])


def test_nofile_soft_above_hard(host):
    """Both numbers are named."""
    refused(host, "nofile.soft 3000 is above nofile.hard 2000", nofile={"soft": 3000, "hard": 2000}, units=["web"])


@pytest.mark.parametrize("user", ["a\nroot - nofile 1", "a\0", "a b"])
def test_newline_or_nul_in_a_user(host, user):
    """It never becomes a line of its own."""
    refused(host, "is no user", nofile=65536, users=[user])


@pytest.mark.parametrize("unit", ["web\n.service", "web\0", "../../../tmp/x.service", "../web"])
def test_newline_nul_or_dots_in_a_unit(host, unit):
    """It never becomes a path elsewhere."""
    refused(host, "is no name of a service unit", nofile=65536, units=[unit])


def test_a_unit_that_does_not_exist(host):
    """It is named and refused with everything else, or left out and listed."""
    refused(host, "units: nosuch.service is not there", nofile=65536, units=["nosuch", "web"])
    result = host.change(nofile=65536, units=["nosuch", "web"], skip_unavailable=True)
    assert any(line.startswith("nosuch.service is not there") for line in result["not_applied"])
    assert host.text(DROP_IN)


def test_a_masked_unit_is_refused(host):
    """A drop-in of a unit that cannot start would do nothing."""
    host.plant({"/etc/systemd/system/old.service": ("link", "/dev/null"), "/dev/null": ""})
    refused(host, "old.service is masked", nofile=65536, units=["old"])


def test_a_unit_by_its_alias(host):
    """The drop-in goes to the unit that the alias is a link to, once."""
    host.plant({"/etc/systemd/system/www.service": ("link", "/usr/lib/systemd/system/web.service")})
    result = host.change(nofile=65536, units=["www", "web"])
    assert [DROP_IN] == [step.split()[1] for step in result["steps"] if step.startswith("file /etc/systemd")]


def test_unit_template_names_cover_every_running_instance(host):
    """A template's drop-in is for all instances, and so is prlimit; an instance alone is itself."""
    pids = [host.process("app@%s.service" % name) for name in "ab"]
    host.change(nofile=HIGH, units=["app@"])
    assert [(16384, HARD)] * 2 == [limits(pid) for pid in pids]
    assert host.text("/etc/systemd/system/app@.service.d/50-front-tier.conf")
    host.change(nofile=HIGH, units=["app@a"])
    assert [(16384, HARD), (1024, HARD)] == [limits(pid) for pid in pids]
    assert host.text("/etc/systemd/system/app@.service.d/50-front-tier.conf") is None


def test_every_worker_is_raised_and_none_of_another_unit(host):
    """All processes of the unit's control group, and no other one."""
    workers, other = [host.process("web.service") for _one in range(3)], host.process("db.service")
    host.change(nofile=HIGH, units=["web"])
    assert [(16384, HARD)] * 3 == [limits(pid) for pid in workers]
    assert (1024, HARD) == limits(other)


def test_a_reused_pid_is_never_written(host):
    """A process with the number of one that was ours, but not its start, keeps its limits when the set ends."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web"])
    stat = host.text("/proc/%d/stat" % pid)
    fields = stat.rsplit(")", 1)[1].split()
    fields[19] = str(int(fields[19]) - 1)  # the one that was recorded began earlier
    record = host.top / "var/lib/front-tier/sets.json"
    started = process.name_of(Root(str(host.top)), "web.service", pid).rsplit("/", 1)[1]
    record.write_text(record.read_text().replace(started, fields[19] + "-6b1f3c1e"))
    result = host.change(state="absent")
    assert (16384, HARD) == limits(pid)
    assert not [step for step in result["steps"] if step.startswith("process")]


def test_a_process_of_an_earlier_boot_is_never_written(host):
    """The same number and the same start in another boot is another process."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web"])
    host.plant({"/proc/sys/kernel/random/boot_id": "ffffffff-0000-4000-8000-000000000000\n"})
    host.change(state="absent")
    assert (16384, HARD) == limits(pid)


def test_a_tree_that_names_a_process_of_this_machine_by_chance_leaves_it_alone(host):
    """Where the tree's process and this machine's began at different times, there is nothing to write."""
    pid = host.process("web.service")
    path = host.top / ("proc/%d/stat" % pid)
    fields = path.read_text().rsplit(" ", 31)
    head, rest = path.read_text().rsplit(")", 1)
    words = rest.split()
    words[19] = "1"
    path.write_text("%s) %s\n" % (head, " ".join(words)))
    assert fields and not [step for step in host.change(nofile=HIGH, units=["web"])["steps"] if step.startswith("process")]
    assert (1024, HARD) == limits(pid)


def test_a_process_that_is_gone_counts_as_done(host):
    """The set ends as if it had never been there, and forgets it."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web"])
    host.children[0].kill()
    host.children[0].wait()
    (host.top / ("proc/%d/stat" % pid)).unlink()
    assert host.change(nofile=HIGH, units=["web"])["changed"] is False
    assert str(pid) not in (host.top / "var/lib/front-tier/sets.json").read_text()
    assert [] == host.change(state="absent")["left"]


def test_a_running_process_never_gets_less_than_it_had(host):
    """A soft limit that a program raised itself stays; so does a hard one above what is asked."""
    pid = host.process("web.service")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (5000, HARD))
    host.change(nofile={"soft": 1024, "hard": 8192}, units=["web"])
    assert (5000, HARD) == limits(pid)


def test_a_lower_nofile_takes_back_only_what_the_set_gave(host):
    """From 16384 to 4096 the process goes to 4096, and with 1024 to where it was."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web"])
    host.change(nofile={"soft": 4096, "hard": HARD}, units=["web"])
    assert (4096, HARD) == limits(pid)
    host.change(nofile={"soft": 1024, "hard": HARD}, units=["web"])
    assert (1024, HARD) == limits(pid)


def test_a_process_that_uses_what_it_would_lose_keeps_it(host):
    """Its next accept() would fail; it is named in needs_restart, and everything else goes back."""
    code = "import resource, time; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, %d)); print(flush=True); input(); " % HARD
    code += "files = [open('/dev/null') for _one in range(1500)]; print(flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    host.children.append(child)
    child.stdout.read(1)
    host.show(child.pid, "web.service")
    host.change(nofile=HIGH, units=["web"])
    child.stdin.write(b"\n")
    child.stdin.close()
    child.stdout.read(1)
    (host.top / ("proc/%d/fd" % child.pid)).mkdir()
    for number in os.listdir("/proc/%d/fd" % child.pid):
        host.plant({"/proc/%d/fd/%s" % (child.pid, number): ""})
    result = host.change(state="absent")
    assert (16384, HARD) == limits(child.pid)
    assert host.text(DROP_IN) is None
    (line,) = result["needs_restart"]
    assert line.startswith("web.service: process %d has 15" % child.pid) and "above the soft nofile 1024" in line


def test_what_started_with_the_limit_of_the_set_keeps_it_until_it_restarts(host):
    """A process that came up after the change was never raised by it, so nothing takes it back: it is named."""
    host.change(nofile=HIGH, units=["web"])
    pid = host.process("web.service")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (16384, HARD))
    assert [] == host.change(nofile=HIGH, units=["web"])["needs_restart"]
    result = host.change(state="absent")
    assert ["web.service: processes of it keep nofile 16384:%d until it restarts." % HARD] == result["needs_restart"]
    assert (16384, HARD) == limits(pid)


def test_what_others_changed_meanwhile_is_left(host):
    """A limit that is neither ours nor the original stays, and is returned."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web"])
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (9000, HARD))
    result = host.change(state="absent")
    assert (9000, HARD) == limits(pid)
    assert [{"soft": 9000, "hard": HARD}] == [row["now"] for row in result["left"]]


@pytest.mark.skipif(process.may_raise(Root(), os.getpid()), reason="this machine may raise any limit")
def test_processes_that_cannot_be_changed_need_a_restart(host):
    """Without CAP_SYS_RESOURCE no hard limit is raised: the unit is listed, its file is written all the same."""
    pid = host.process("web.service")
    result = host.change(nofile=HARD + 1, units=["web"])
    assert (1024, HARD) == limits(pid)
    assert host.text(DROP_IN)
    assert ["web.service: processes of it keep nofile 1024:%d until it restarts (this host lets nothing here change them)." % HARD] == (
        result["needs_restart"]
    )


def test_live_false_writes_files_only_and_says_what_needs_a_restart(host):
    """No process is touched; the unit that runs is listed."""
    pid = host.process("web.service")
    result = host.change(nofile=HIGH, units=["web"], live=False)
    assert (1024, HARD) == limits(pid)
    assert host.text(DROP_IN)
    assert result["needs_restart"][0].startswith("web.service: ")


def test_persist_false_writes_no_file(host):
    """Only what runs is changed; what lives in files alone is listed."""
    pid = host.process("web.service")
    result = host.change(nofile=HIGH, units=["web"], users=["app"], persist=False)
    assert (16384, HARD) == limits(pid)
    assert (None, None) == (host.text(DROP_IN), host.text(LIMITS))
    assert "users and default live in files only" in result["not_applied"][0]


def test_systemd_not_running(host):
    """Drop-ins are written all the same, and the reload is listed as not applied."""
    result = host.change(nofile=65536, units=["web"], default=True)
    assert host.text(DROP_IN) and host.text(MANAGER)
    assert ["systemd does not run here: it takes over DefaultLimitNOFILE, web.service when it starts"] == result["not_applied"]


def test_override_conf_sorts_later_than_our_drop_in(host):
    """`systemctl edit` writes override.conf: it would win, so we refuse, warn, or take a name that sorts after it."""
    host.plant({"/etc/systemd/system/web.service.d/override.conf": "[Service]\nLimitNOFILE=5000\n"})
    where = "/etc/systemd/system/web.service.d/override.conf:2 gives web.service 5000:5000"
    refused(host, where, nofile=65536, units=["web"])
    assert where in host.change(nofile=65536, units=["web"], on_override="warn")["warnings"][0]
    host.change(nofile=65536, units=["web"], on_override="outrank")
    assert host.text(DROP_IN) is None
    outranking = "/etc/systemd/system/web.service.d/zz-front-tier.conf"
    assert "[Service]\nLimitNOFILE=65536:65536\n" == body(host.text(outranking))
    assert host.change(nofile=65536, units=["web"])["changed"] is False
    host.change(state="absent")
    assert host.text(outranking) is None and host.text("/etc/systemd/system/web.service.d/override.conf")


def test_a_later_file_of_limits_d_or_of_system_conf_d_wins(host):
    """on_override holds for users and the default as for units."""
    host.plant({"/etc/security/limits.d/90-admin.conf": "app hard nofile 2000\n"})
    refused(host, "/etc/security/limits.d/90-admin.conf:1 gives app hard 2000", nofile=65536, users=["app"])
    host.plant({"/etc/systemd/system.conf.d/90-admin.conf": "[Manager]\nDefaultLimitNOFILE=2000\n"})
    refused(host, "/etc/systemd/system.conf.d/90-admin.conf:2 gives DefaultLimitNOFILE 2000:2000", nofile=65536, default=True)
    host.change(nofile=65536, users=["app"], default=True, on_override="outrank")
    assert host.text("/etc/security/limits.d/zz-front-tier.conf") and host.text("/etc/systemd/system.conf.d/zz-front-tier.conf")


def test_a_user_without_any_limits_by_a_dash_is_an_override(host):
    """`app -` takes all limits off a user, whatever our file says."""
    host.plant({"/etc/security/limits.conf": "app -\n"})
    refused(host, 'takes all limits off app ("app -")', nofile=65536, users=["app"])


def test_comments_in_limits_conf_are_kept(host):
    """limits.conf itself is never written."""
    before = host.text("/etc/security/limits.conf")
    host.change(nofile=65536, users=["app", "*", "root"])
    assert before == host.text("/etc/security/limits.conf")
    lines = body(host.text(LIMITS)).splitlines()
    assert ["* soft", "* hard", "app soft", "app hard", "root soft", "root hard"] == [line.rsplit(" nofile", 1)[0] for line in lines]


def test_a_wildcard_never_brings_root_along(host):
    """root is written only where it is named."""
    host.change(nofile=65536, users=["*"])
    assert "root" not in body(host.text(LIMITS))


def test_our_file_replaced_by_a_symlink(tmp_path):
    """On this machine's own root nothing is read or written through it: the link stays, and so does what it points to."""
    target, link = tmp_path / "passwd", tmp_path / "50-front-tier.conf"
    target.write_text("precious\n")
    link.symlink_to(target)
    with pytest.raises(OSError, match="a symbolic link"):
        things.read(Root(), "file", [str(link)])
    things.write(Root(), "file", str(link), file_value("ours\n"))
    assert "precious\n" == target.read_text()


def test_a_host_without_pam(host):
    """There is nothing that would read a file of limits.d."""
    (host.top / "etc/security/limits.conf").unlink()
    (host.top / "etc/security").rmdir()
    refused(host, "users: this host has no /etc/security", nofile=65536, users=["app"])


def test_sessions_that_pam_gives_no_limits(host):
    """Where no service has pam_limits in its session part, that is said."""
    host.plant({"/etc/pam.d/sshd": "session required pam_unix.so\n"})
    assert "no service of /etc/pam.d has pam_limits" in host.change(nofile=65536, users=["app"])["warnings"][0]


def test_two_sets_want_different_values(host):
    """Both sets are named, whichever file would win; equal values are shared."""
    host.change(nofile=65536, units=["web"], users=["app"], name="one")
    refused(
        host,
        "web.service: set two wants nofile 70000:70000, and set one, section fd_limits has 65536:65536",
        nofile=70000,
        units=["web"],
        name="two",
    )
    refused(host, "user app: set two wants", nofile=70000, users=["app"], name="two")
    assert host.change(nofile=65536, units=["web"], name="two")["changed"]
    host.change(state="absent", name="one")
    assert host.text("/etc/systemd/system/web.service.d/50-two.conf")


def test_sets_that_share_a_unit_get_the_highest_that_any_of_them_asks_for(host):
    """Whichever comes first; neither run changes what the other left, and a set that ends leaves the other what it has."""
    pid, one, two = host.process("web.service"), {"name": "one", "units": ["web"]}, {"name": "one-proxy", "units": ["web"]}
    files = ["/etc/systemd/system/web.service.d/50-%s.conf" % name for name in ("one", "one-proxy")]
    before = host.snapshot()
    host.change(nofile={"soft": 4096, "hard": HARD}, shared=True, **one)
    told = host.change(check=True, nofile={"soft": 8192, "hard": HARD}, shared=True, **two)
    assert told == host.change(nofile={"soft": 8192, "hard": HARD}, shared=True, **two)
    assert ["[Service]\nLimitNOFILE=8192:%d\n" % HARD] * 2 == [body(host.text(path)) for path in files]
    assert (8192, HARD) == limits(pid)
    assert host.change(nofile={"soft": 4096, "hard": HARD}, shared=True, **one)["steps"] == []
    assert host.change(nofile={"soft": 8192, "hard": HARD}, shared=True, **two)["steps"] == []
    host.change(state="absent", name="one-proxy")
    assert (None, (8192, HARD)) == (host.text(files[1]), limits(pid))
    host.change(nofile={"soft": 4096, "hard": HARD}, shared=True, **one)
    assert ("[Service]\nLimitNOFILE=4096:%d\n" % HARD, (4096, HARD)) == (body(host.text(files[0])), limits(pid))
    host.change(state="absent", name="one")
    assert (before, (1024, HARD)) == (host.snapshot(), limits(pid))


def test_sets_that_share_a_unit_raise_the_ceilings_together(host):
    """fs.nr_open of the first set grows with what the second needs, also in the file of the first, which sorts later."""
    before = host.snapshot()
    host.change(nofile=2000000, units=["web"], name="one", shared=True)
    host.change(nofile=3000000, units=["web"], name="one-proxy", shared=True)
    for name in ("one", "one-proxy"):
        assert "fs.nr_open = 3000000\n" == body(host.text("/etc/sysctl.d/90-%s.conf" % name))
    assert host.change(nofile=2000000, units=["web"], name="one", shared=True)["steps"] == []
    host.change(state="absent", name="one")
    assert "3000000" == host.text("/proc/sys/fs/nr_open").strip()
    host.change(state="absent", name="one-proxy")
    assert (before, "1048576") == (host.snapshot(), host.text("/proc/sys/fs/nr_open").strip())


def test_a_set_that_shares_a_unit_leaves_users_and_other_units_of_the_other_set(host):
    """Only the unit that both name is raised; what users get is still a matter of one set."""
    host.change(nofile=4096, units=["web", "app@"], users=["app"], name="one")
    host.change(nofile=8192, units=["web"], name="two", shared=True)
    assert "LimitNOFILE=4096:4096" in host.text("/etc/systemd/system/app@.service.d/50-one.conf")
    assert "app soft nofile 4096" in host.text("/etc/security/limits.d/50-one.conf")
    refused(host, "user app: set two wants", nofile=8192, users=["app"], name="two", shared=True)
    refused(host, "web.service: set one wants nofile 4096:4096, and set two", nofile=4096, units=["web"], name="one")


def test_a_set_that_shares_is_not_raised_by_what_others_give_to_other_units(host):
    """Found by the soak: the number of a set for one unit became that of another set for another unit."""
    host.change(nofile=8192, units=["app@"], users=["app"], name="one")
    host.change(nofile={"soft": 2048, "hard": 4096}, units=["web"], name="two", shared=True)
    assert "[Service]\nLimitNOFILE=2048:4096\n" == body(host.text("/etc/systemd/system/web.service.d/50-two.conf"))


def test_a_ceiling_stays_until_the_last_set_that_needs_it_ends(host):
    """The second set needs less than the first raised it to, and keeps it there after the first is gone."""
    host.change(nofile=3000000, users=["app"], name="one")
    host.change(nofile=2000000, users=["web"], name="two")
    host.change(state="absent", name="one")
    assert "3000000" == host.text("/proc/sys/fs/nr_open").strip()
    host.change(state="absent", name="two")
    assert "1048576" == host.text("/proc/sys/fs/nr_open").strip()


def test_nr_open_never_falls_below_what_a_rule_of_pam_asks_for(host):
    """A rule that others wrote meanwhile relies on it: taking it back would lock them out, and is refused with file and line."""
    host.change(nofile=3000000, users=["app"])
    host.plant({"/etc/security/limits.d/admin.conf": "ops hard nofile 2500000\n"})
    refused(host, "fs.nr_open would fall to 1048576, below the nofile 2500000 of /etc/security/limits.d/admin.conf:1", state="absent")


def test_a_unit_that_is_dropped_goes_back_and_the_others_stay(host):
    """The section is authoritative."""
    pid = host.process("web.service")
    host.change(nofile=HIGH, units=["web", "app@"])
    host.change(nofile=HIGH, units=["app@"])
    assert (1024, HARD) == limits(pid)
    assert host.text(DROP_IN) is None and host.text("/etc/systemd/system/app@.service.d/50-front-tier.conf")


def test_kernel_settings_may_raise_nr_open_itself(host):
    """One call, two sections: a ceiling that is high enough in the one is not touched by the other."""
    result = host.change(kernel_settings={"settings": {"fs.nr_open": 3000000}}, fd_limits={"nofile": 2000000, "users": ["app"]})
    assert "sysctl fs.nr_open" in result["steps"]
    assert "fs.nr_open = 3000000\n" == body(host.text("/etc/sysctl.d/90-front-tier.conf"))


def test_a_program_that_sizes_its_tables_at_start_needs_a_restart(host):
    """A running haproxy does not use a higher limit before it starts again: said by the name of the program."""
    host.plant({"/usr/lib/systemd/system/haproxy.service": "[Service]\nExecStart=/usr/sbin/haproxy\n"})
    host.process("haproxy.service", program="haproxy")
    (line,) = host.change(nofile=HIGH, units=["haproxy"])["needs_restart"]
    assert "haproxy.service: haproxy makes its table of descriptors when it starts, and uses the new limit after a restart." == line


def test_a_table_that_would_take_much_memory_is_warned_of(host):
    """haproxy takes 64 bytes for each descriptor of its hard limit: the size and the remedy are named."""
    host.plant({"/usr/lib/systemd/system/haproxy.service": "[Service]\n", "/proc/meminfo": "MemTotal: 1000000 kB\n"})
    (line,) = host.change(nofile=2000000, units=["haproxy"])["warnings"]
    assert line.startswith("haproxy.service: haproxy makes a table") and "128000000 of the host's 1024000000 bytes" in line


def test_a_program_that_sets_its_own_limit_is_left_to_it(host):
    """memcached takes what its options say whenever it starts: neither prlimit nor a restart is for it, only the drop-in."""
    host.plant({"/usr/lib/systemd/system/memcached.service": "[Service]\n"})
    pid = host.process("memcached.service", program="memcached")
    result = host.change(nofile=HIGH, units=["memcached"])
    assert ((1024, HARD), []) == (limits(pid), result["needs_restart"])
    assert host.text("/etc/systemd/system/memcached.service.d/50-front-tier.conf")


def test_a_ceiling_that_one_section_hands_to_another_keeps_its_first_original(host):
    """kernel_settings lets go of fs.nr_open in the very call in which fd_limits needs it: absent brings back what was there at first."""
    host.change(kernel_settings={"settings": {"fs.nr_open": 3000000}})
    host.change(kernel_settings={"settings": {}}, fd_limits={"nofile": 2000000, "users": ["app"]})
    assert "2000000" == host.text("/proc/sys/fs/nr_open").strip()
    host.change(state="absent")
    assert "1048576" == host.text("/proc/sys/fs/nr_open").strip()


def test_nr_open_never_falls_below_what_a_set_gives_a_unit(host):
    """Taking the ceiling away alone would have the unit start with less, and without an error."""
    host.change(kernel_settings={"settings": {"fs.nr_open": 3000000}}, fd_limits={"nofile": 2000000, "units": ["web"]})
    refused(
        host,
        "fs.nr_open would fall to 1048576, and set front-tier gives web.service nofile 2000000:2000000. End that set first",
        kernel_settings={"settings": {}},
    )
