# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_settings and port_range on a host that is a tree of plain files: every trap of sysctls and of their files by its name."""

from __future__ import annotations

import errno
import json
import os

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.transaction import Failed
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sysctls

SOMAXCONN, FIN, RANGE = "net.core.somaxconn", "net.ipv4.tcp_fin_timeout", "net.ipv4.ip_local_port_range"
OURS, RECORD = "/etc/sysctl.d/90-front-tier.conf", "/var/lib/front-tier/sets.json"
TREE = {
    "/proc/sys/net/core/somaxconn": "4096\n",
    "/proc/sys/net/ipv4/tcp_fin_timeout": "60\n",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "/proc/sys/net/ipv4/ip_local_reserved_ports": "20990\n",
    "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
    "/proc/net/tcp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000:4E70 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0\n",
    "/usr/lib/systemd/systemd-sysctl": "#!/bin/sh\n",
    "/usr/lib/systemd/system/systemd-sysctl.service": "[Service]\nType=oneshot\nExecStart=/usr/lib/systemd/systemd-sysctl\n",
    "/usr/lib/systemd/system/sysinit.target.wants/systemd-sysctl.service": ("link", "../systemd-sysctl.service"),
}
LISTENING = 0x4E70  # 20080, of /proc/net/tcp above


@pytest.fixture
def host(host):
    """Return the host with sysctls, a listener, and systemd, which applies the files of sysctl.d at boot."""
    host.plant(TREE)
    return host


def settings(host, given, **more):
    """Change kernel_settings."""
    return host.change(kernel_settings={"settings": given}, **more)


def ports(host, low, high, reserve, **more):
    """Change port_range."""
    return host.change(kernel_settings=None, port_range={"low": low, "high": high, "reserve": reserve}, **more)


def value(host, name):
    """Return a sysctl of the tree as words."""
    return host.text("/proc/sys/" + name.replace(".", "/")).split()


def refused(message, act, *given, **more):
    """Make a change that must be refused with these words, and must leave everything as it is."""
    before = given[0].snapshot(), {name: value(given[0], name) for name in (SOMAXCONN, FIN, RANGE)}
    with pytest.raises(Refusal) as refusal:
        act(*given, **more)
    assert message in str(refusal.value)
    assert str(refusal.value).endswith("Nothing was changed.")
    assert before == (given[0].snapshot(), {name: value(given[0], name) for name in (SOMAXCONN, FIN, RANGE)})


def test_trap_typo_key(host):
    """A key that this kernel does not have is named, and nothing of the rest is set."""
    refused("net.core.somaxcon is not there", settings, host, {"net.core.somaxcon": 1, FIN: 20})


def test_trap_one_bad_value_among_good_ones(host):
    """One value out of bounds, and none of the others is written."""
    refused("settings: net.core.somaxconn 0 is out of bounds", settings, host, {FIN: 20, SOMAXCONN: 0})


@pytest.mark.parametrize("bad", ["1\n2", "1\0", "9" * 30])
def test_trap_newline_nul_or_more_than_64_bits_in_a_value(host, bad):
    """What could end a line of a file early, or does not fit, is refused."""
    refused("settings:", settings, host, {FIN: bad})


@pytest.mark.parametrize("over", [1 << 31, 1 << 32])
def test_trap_value_over_32_bits(host, over):
    """A value that the kernel would cut to 32 bits is refused with the bound."""
    refused("is out of bounds: it must be 1 to 2147483647", settings, host, {SOMAXCONN: over})


@pytest.mark.parametrize("key", ["net.core.../../../etc/passwd", "../../etc/passwd", "net/../../etc/passwd"])
def test_trap_dots_in_a_key(host, key):
    """A key never leaves /proc/sys."""
    refused("is no name of a sysctl", settings, host, {key: 1})


def test_trap_reserved_ports_as_a_set(host):
    """The same ports in another order and spelling are the same value: nothing is written, and nothing changes the second time."""
    host.plant({"/proc/sys/net/ipv4/ip_local_reserved_ports": "8080-8082,20990\n"})
    assert "sysctl net.ipv4.ip_local_reserved_ports" not in ports(host, 21000, 21999, ["20990", 8082, "8080-8081"])["steps"]
    assert ports(host, 21000, 21999, [8081, 8080, "8082", 20990])["changed"] is False


def test_trap_reversed_range(host):
    """low above high is refused."""
    refused("low is above high. Turn them round.", ports, host, 22000, 21000, "auto")


@pytest.mark.parametrize("live", [True, False])
def test_trap_range_that_covers_a_listener(host, live):
    """A list that leaves a listener in the range open is refused, also where only the next boot would do so; auto reserves it."""
    refused("Ports 20080 are listened on", ports, host, 20000, 20999, [20990], live=live)
    assert ports(host, 20000, 20999, "auto", live=live)["changed"]
    assert "net.ipv4.ip_local_reserved_ports = 20080,20990\n" in host.text(OURS)


@pytest.mark.parametrize("live", [True, False])
def test_trap_list_that_leaves_no_port(host, live):
    """What would leave nothing to connect from is refused, also where only the next boot would do so."""
    refused("leaves no port of 21000-21009", ports, host, 21000, 21009, ["21000-21009"], live=live)


def test_trap_an_admins_reserved_ports_are_kept(host):
    """auto keeps what was reserved before, and absent brings exactly that back."""
    ports(host, 20000, 20999, "auto")
    assert ["20080,20990"] == value(host, "net.ipv4.ip_local_reserved_ports")
    host.change(state="absent", kernel_settings=None)
    assert ["20990"] == value(host, "net.ipv4.ip_local_reserved_ports")


@pytest.mark.parametrize("key", ["net.core.somaxconn", "net/core/somaxconn", "-net.core.somaxconn"])
def test_trap_later_file_overrides(host, key):
    """A later file that wins at boot, however it spells the key, is an error, a warning or outranked."""
    host.plant({"/etc/sysctl.d/95-site.conf": "%s = 100\n" % key})
    refused("/etc/sysctl.d/95-site.conf:1 sets net.core.somaxconn to 100", settings, host, {SOMAXCONN: 8192})
    told = settings(host, {SOMAXCONN: 8192}, on_override="warn")["warnings"]
    assert ["At the next boot /etc/sysctl.d/95-site.conf:1 sets net.core.somaxconn to 100."] == told
    settings(host, {SOMAXCONN: 8192}, on_override="outrank")
    assert host.text(OURS) is None and "net.core.somaxconn = 8192\n" in host.text("/etc/sysctl.d/zz-front-tier.conf")


@pytest.mark.parametrize("glob", ["net.core.somax*", "-net/core/*"])
def test_trap_later_file_with_a_glob(host, glob):
    """A pattern in a later file does not reach a key that is named in an earlier one: systemd-sysctl applies it to the others."""
    host.plant({"/etc/sysctl.d/95-site.conf": "%s = 100\n" % glob})
    assert settings(host, {SOMAXCONN: 8192})["warnings"] == []


def test_trap_later_file_that_is_none(host):
    """A link to /dev/null masks a later file of the distribution, and a file of the same name in another directory hides it."""
    lines = "net.core.somaxconn = 100\n"
    host.plant({"/usr/lib/sysctl.d/95-a.conf": lines, "/usr/lib/sysctl.d/95-b.conf": lines})
    host.plant({"/etc/sysctl.d/95-a.conf": ("link", "/dev/null"), "/etc/sysctl.d/95-b.conf": ""})
    assert settings(host, {SOMAXCONN: 8192})["warnings"] == []


def test_trap_sysctl_conf_not_read_at_boot(host):
    """/etc/sysctl.conf counts where a link of sysctl.d names it (Debian 11 and 12), and not where none does (Debian 13)."""
    host.plant({"/etc/sysctl.conf": "net.core.somaxconn = 100\n"})
    assert settings(host, {SOMAXCONN: 8192})["warnings"] == []
    host.plant({"/etc/sysctl.d/99-sysctl.conf": ("link", "../sysctl.conf")})
    refused("sets net.core.somaxconn to 100", settings, host, {SOMAXCONN: 16384})


def test_trap_garbage_lines_by_others(host):
    """Lines of others that mean nothing are passed over, and stay."""
    junk = "= 5\nnet.core.somaxconn\n\x01\xff;;\n[Section]\nkernel.panic =\n"
    host.plant({"/etc/sysctl.d/95-site.conf": junk})
    assert settings(host, {SOMAXCONN: 8192})["changed"]
    assert junk == host.text("/etc/sysctl.d/95-site.conf")


def test_trap_our_file_replaced_by_a_symlink(host):
    """The file of a set that somebody made a link is not written through: the run fails and the target stays."""
    settings(host, {SOMAXCONN: 8192})
    host.plant({"/etc/passwd": "root:x:0:0\n"})
    os.unlink(str(host.top) + OURS)
    host.plant({OURS: ("link", str(host.top) + "/etc/passwd")})
    with pytest.raises((Refusal, Failed, OSError)):
        settings(host, {SOMAXCONN: 16384})
    assert ("root:x:0:0\n", ["8192"]) == (host.text("/etc/passwd"), value(host, SOMAXCONN))


def test_trap_a_key_dropped_from_the_list_goes_back(host):
    """What a later call does not name any more has its first value again, in the kernel and in the file."""
    settings(host, {SOMAXCONN: 8192, FIN: 20})
    settings(host, {FIN: 20})
    assert (["4096"], ["20"]) == (value(host, SOMAXCONN), value(host, FIN))
    assert SOMAXCONN not in host.text(OURS)


def test_trap_a_value_changed_by_others_meanwhile_is_left(host):
    """absent leaves it and returns it; the rest goes back."""
    settings(host, {SOMAXCONN: 8192, FIN: 20})
    host.plant({"/proc/sys/net/core/somaxconn": "5000\n"})
    left = host.change(state="absent", kernel_settings={})["left"]
    assert [{"kind": "sysctl", "name": SOMAXCONN, "ours": "8192", "now": "5000"}] == left
    assert (["5000"], ["60"]) == (value(host, SOMAXCONN), value(host, FIN))


def test_trap_two_sets_want_different_values(host):
    """Refused, both sets named; what they agree on they share."""
    settings(host, {SOMAXCONN: 8192}, name="web")
    refused(
        "set edge, section kernel_settings wants 100, and set web, section kernel_settings has 8192",
        settings,
        host,
        {SOMAXCONN: 100},
        name="edge",
    )
    settings(host, {SOMAXCONN: 8192}, name="edge")
    for name, now in (("web", "8192"), ("edge", "4096")):
        host.change(state="absent", kernel_settings={}, name=name)
        assert [now] == value(host, SOMAXCONN)


def test_trap_a_set_of_an_older_version_of_ours(host):
    """A record of another version is refused with the remedy; one whose entries lack what came later is understood."""
    settings(host, {SOMAXCONN: 8192})
    path = str(host.top) + RECORD
    with open(path) as file:
        record = json.load(file)
    with open(path, "w") as file:
        json.dump(dict(record, version=0), file)
    refused("sets.json cannot be understood (version 0). Restore it, or remove it", settings, host, {SOMAXCONN: 100})
    with open(path, "w") as file:
        json.dump(record, file)
    host.change(state="absent", kernel_settings={})
    assert ["4096"] == value(host, SOMAXCONN)


def test_trap_a_second_run_rewrites_nothing(host):
    """Inode and time of our file and of the record stay."""
    settings(host, {SOMAXCONN: 8192, FIN: 20})
    seen = [os.stat(str(host.top) + path) for path in (OURS, RECORD)]
    assert settings(host, {FIN: 20, "net/core/somaxconn": "8192"})["changed"] is False
    assert [(one.st_ino, one.st_mtime_ns) for one in seen] == [
        (one.st_ino, one.st_mtime_ns) for one in (os.stat(str(host.top) + path) for path in (OURS, RECORD))
    ]


def test_trap_an_override_that_was_accepted_once_does_not_hold_up_what_does_not_touch_it(host):
    """After on_override: warn, other sections can be changed and taken back without saying so again; the warning is repeated."""
    host.plant({"/etc/sysctl.d/95-site.conf": "net.core.somaxconn = 100\n"})
    settings(host, {SOMAXCONN: 8192}, on_override="warn")
    told = ports(host, 21000, 21999, "auto")
    assert ["At the next boot /etc/sysctl.d/95-site.conf:1 sets net.core.somaxconn to 100."] == told["warnings"]
    host.change(state="absent", kernel_settings=None, port_range={})
    refused("sets net.core.somaxconn to 100", settings, host, {SOMAXCONN: 8192, FIN: 20})


def test_trap_what_only_the_next_boot_was_to_set_goes_back_after_that_boot(host):
    """live: false, a boot that applies the file, absent: the value in force is the first one again, as after the boot that follows."""
    settings(host, {SOMAXCONN: 8192}, live=False)
    assert ["4096"] == value(host, SOMAXCONN)
    host.plant({"/proc/sys/net/core/somaxconn": "8192\n"})  # the boot
    assert host.change(state="absent", kernel_settings={})["left"] == []
    assert ["4096"] == value(host, SOMAXCONN)


BYTES, RATIO = "vm.dirty_bytes", "vm.dirty_ratio"


@pytest.fixture
def pair(host, monkeypatch):
    """Return the host with a pair of which the kernel makes the one 0 with the other, as mm/page-writeback.c does.

    The real one is the whole machine's, which tests must not write here: tests/vm does so on machines of its own.
    """
    values, write = {BYTES: "0", RATIO: "20"}, os.write

    def show():
        host.plant({"/proc/sys/" + name.replace(".", "/"): text + "\n" for name, text in values.items()})

    def kernel(fd, data):
        name = os.readlink("/proc/self/fd/%d" % fd).partition("/proc/sys/")[2].replace("/", ".")
        text = data.decode().strip() if name else ""
        if name == "vm.refused" and text != "0" or name == BYTES and text == "0":
            show()
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if name not in values:
            return write(fd, data)
        if text != values[name]:
            values.update({name: text, sysctls.OTHER[name]: "0"})
        show()
        return len(data)

    show()
    monkeypatch.setattr(os, "write", kernel)
    return host


def both(host):
    """Return the pair as it is."""
    return [value(host, name)[0] for name in (BYTES, RATIO)]


@pytest.mark.parametrize("given", [{BYTES: 104857600}, {BYTES: 104857600, RATIO: 0}])
def test_trap_setting_one_makes_the_kernel_zero_the_other(pair, given):
    """Both are shown and set, only the one that counts is kept, and absent brings back the one that counted before."""
    shown = settings(pair, given, check=True)
    done = settings(pair, given)
    assert shown == done and {BYTES: "104857600", RATIO: "0"}.items() <= done["after"].items()
    assert ["104857600", "0"] == both(pair)
    assert "vm.dirty_bytes = 104857600\n" in pair.text(OURS) and RATIO not in pair.text(OURS)
    assert settings(pair, given)["changed"] is False
    assert settings(pair, {RATIO: 40})["changed"] and ["0", "40"] == both(pair)
    assert settings(pair, {BYTES: 200000000})["changed"] and ["200000000", "0"] == both(pair)
    pair.change(state="absent", kernel_settings={})
    assert ["0", "20"] == both(pair)


@pytest.mark.parametrize("first", [["0", "20"], ["300000000", "0"]])
def test_trap_the_undo_of_a_pair(pair, first):
    """A later step that fails brings back the half that counted."""
    counts = int(first[0] == "0")
    put(pair, (BYTES, RATIO)[counts], first[counts])
    pair.plant({"/proc/sys/vm/refused": "0\n"})
    with pytest.raises(Failed, match="vm.refused.* the host is as before"):
        settings(pair, {(RATIO, BYTES)[counts]: (30, 104857600)[counts], "vm.refused": 1})
    assert first == both(pair)


def put(host, name, text):
    """Write a half of the pair by hand."""
    with open(str(host.top) + "/proc/sys/" + name.replace(".", "/"), "w") as file:
        os.write(file.fileno(), text.encode())


def test_trap_two_halves_that_exclude_each_other(pair):
    """Both at once, one by each set, and a half that the kernel does not set to 0 are refused with the remedy."""
    refused("the kernel keeps only one of the two", settings, pair, {BYTES: 104857600, RATIO: 20})
    settings(pair, {BYTES: 104857600}, name="web")
    refused("Let one of them manage it", settings, pair, {RATIO: 20}, name="edge")
    pair.change(state="absent", kernel_settings={}, name="web")
    put(pair, BYTES, "5000000")
    refused("Set vm.dirty_ratio in place of it", settings, pair, {BYTES: 0})
