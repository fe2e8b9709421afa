# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules: what loads them before the sysctls are set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._read.modules import parse_hashsize, parse_needs, read_modules

SYSTEMD = {"/run/systemd/system/": ""}


@pytest.mark.parametrize(
    "files, at_boot",
    [
        ({"/etc/modules-load.d/a.conf": "# x\n; y\n\nnf_conntrack\n"}, {"nf_conntrack": "/etc/modules-load.d/a.conf:4"}),
        ({"/etc/modules-load.d/a.conf": "nf-conntrack"}, {"nf_conntrack": "/etc/modules-load.d/a.conf:1"}),
        ({"/etc/modules": "nf_conntrack"}, {}),
        (
            {"/etc/modules": "nf_conntrack", "/etc/modules-load.d/modules.conf": ("link", "../modules")},
            {"nf_conntrack": "/etc/modules-load.d/modules.conf:1"},
        ),
        ({"/run/modules-load.d/a.conf": "nf_conntrack"}, {}),
        (
            {"/proc/cmdline": "quiet modules-load=br_netfilter,nf_conntrack"},
            {"br_netfilter": "/proc/cmdline", "nf_conntrack": "/proc/cmdline"},
        ),
        ({"/etc/modules-load.d/a.conf": "nf_conntrack", "/etc/modprobe.d/b.conf": "blacklist nf_conntrack"}, {}),
        ({"/usr/lib/modules-load.d/a.conf": "nf_conntrack", "/etc/modules-load.d/a.conf": ("link", "/dev/null")}, {}),
    ],
)
def test_what_is_loaded_before_the_sysctls(plant, files, at_boot):
    """Modules count with the file that names them, unless it is masked, barred, or not read by systemd."""
    assert read_modules(plant(dict(SYSTEMD, **files)))["at_boot"] == at_boot


def test_a_module_brings_what_it_needs(plant):
    """A module that needs nf_conntrack has it loaded as well, as modules.dep says."""
    root = plant(
        dict(
            SYSTEMD,
            **{
                "/etc/modules-load.d/a.conf": "nf_conntrack_ftp",
                "/proc/sys/kernel/osrelease": "6.1.0\n",
                "/lib/modules/6.1.0/modules.dep": "k/nf_nat.ko: k/nf_conntrack.ko\n"
                "k/nf-conntrack-ftp.ko.xz: k/nf_conntrack.ko.xz k/libcrc32c.ko.xz\n",
            },
        )
    )
    here = "/etc/modules-load.d/a.conf:1"
    assert read_modules(root)["at_boot"] == {"nf_conntrack_ftp": here, "nf_conntrack": here, "libcrc32c": here}


def test_etc_modules_counts_where_there_is_no_systemd(plant):
    """Boot scripts of other systems read /etc/modules themselves."""
    assert read_modules(plant({"/etc/modules": "nf_conntrack"}))["at_boot"] == {"nf_conntrack": "/etc/modules:1"}


def test_loaded_built_in_and_reapplied(plant):
    """/proc/modules lists what is loaded; what only /sys/module shows is built in; a udev rule may set the sysctls later."""
    root = plant(
        {
            "/proc/modules": "nf_conntrack 180224 1 nf_nat, Live 0x0\n",
            "/sys/module/nf_conntrack/": "",
            "/sys/module/ip_vs/": "",
            "/etc/udev/rules.d/99-b.rules": '# SUBSYSTEM=="module", KERNEL=="ip_vs" sysctl\nACTION=="add", SUBSYSTEM=="module", '
            'KERNEL=="br_netfilter", RUN+="/lib/systemd/systemd-sysctl --prefix=/net/bridge"\n',
        }
    )
    found = read_modules(root)
    assert (found["loaded"], found["built_in"]) == (["nf_conntrack"], ["ip_vs"])
    assert found["reapplied"] == {"br_netfilter": "/etc/udev/rules.d/99-b.rules:2"}


@pytest.mark.parametrize(
    "files, hashsize",
    [
        (
            {"/etc/modprobe.d/a.conf": "options nf_conntrack acct=1 hashsize=65536"},
            {"value": "65536", "source": "/etc/modprobe.d/a.conf:1"},
        ),
        (
            {"/etc/modprobe.d/a.conf": "options nf_conntrack hashsize=1", "/usr/lib/modprobe.d/b.conf": "options nf_conntrack hashsize=2"},
            {"value": "2", "source": "/usr/lib/modprobe.d/b.conf:1"},
        ),
        (
            {"/etc/modprobe.d/a.conf": "options nf_conntrack hashsize=1", "/proc/cmdline": "nf_conntrack.hashsize=3"},
            {"value": "3", "source": "/proc/cmdline"},
        ),
        ({"/etc/modprobe.d/a.conf": "options nf_conntrack acct=1\noptions other hashsize=4"}, None),
    ],
)
def test_the_size_of_the_connection_table(plant, files, hashsize):
    """The last hashsize of modprobe.d counts, the kernel command line's above all."""
    assert read_modules(plant(files))["hashsize"] == hashsize


@given(st.text())
def test_no_text_breaks_the_parsers(text):
    """modules.dep and options may hold anything."""
    list(parse_needs(text))
    parse_hashsize(text.split())


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\0\n=\n:\n options nf_conntrack hashsize=\n", b"x" * 3_000_000, ("link", "loop")],
    ids=["binary", "huge", "circle"],
)
def test_junk_in_the_files_is_no_crash(plant, content):
    """Binary junk, a huge file and a link in circles leave the rest as it is."""
    files = dict.fromkeys(
        [
            "/etc/modules-load.d/j.conf",
            "/etc/modprobe.d/j.conf",
            "/etc/udev/rules.d/j.rules",
            "/proc/modules",
            "/proc/cmdline",
            "/proc/sys/kernel/osrelease",
        ],
        content,
    )
    found = read_modules(
        plant(dict(SYSTEMD, **files, **{"/etc/modules-load.d/loop": ("link", "loop"), "/etc/modules-load.d/z.conf": "nf_conntrack"}))
    )
    assert found["at_boot"]["nf_conntrack"] == "/etc/modules-load.d/z.conf:1"
