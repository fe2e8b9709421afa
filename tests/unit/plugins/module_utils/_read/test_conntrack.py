# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import absent, is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conntrack import parse_stat, read_conntrack

STAT = "entries  found insert_failed drop early_drop\n0000000f 00000001 00000000 0000000a 00000001\n" + (
    "0000000f 00000002 00000003 00000010 00000000\n"
)
HELD = "Tcp: CurrEstab\nTcp: 3\n"
NONE_HELD = "Tcp: CurrEstab\nTcp: 0\n"


def limits(count):
    """Return the limits that were read, with this count."""
    names = {"count": count, "max": 262144, "buckets": 65536}
    return {"net.netfilter.nf_conntrack_" + name: {"value": value} for name, value in names.items()}


def test_losses_are_summed(plant):
    """The processors' hexadecimal numbers are added; `entries`, the same in every line, comes from the sysctl."""
    section = read_conntrack(plant({"/proc/net/stat/nf_conntrack": STAT}), limits(15))
    wanted = {"entries": 15, "max": 262144, "buckets": 65536, "drop": 26, "early_drop": 1, "insert_failed": 3}
    assert section == dict(wanted, active=True)


@pytest.mark.parametrize(
    "files, count, active",
    [
        ({}, 1, True),
        ({"/proc/net/snmp": HELD}, 0, False),
        ({"/proc/net/snmp": NONE_HELD}, 0, None),
        ({"/proc/net/snmp": NONE_HELD, "/proc/modules": "nf_conntrack 172032 0 - Live 0x0\n"}, 0, False),
        ({"/proc/net/snmp": NONE_HELD, "/proc/modules": "nf_conntrack 172032 2 nf_nat,nft_ct, Live 0x0\n"}, 0, None),
        ({}, absent("no_permission", "x"), None),
    ],
)
def test_active(plant, files, count, active):
    """Entries prove tracking, held connections without any entry disprove it, else it is not known."""
    section = read_conntrack(plant(dict(files, **{"/proc/net/stat/nf_conntrack": STAT})), limits(count))
    assert (None if is_absent(section["active"]) else section["active"]) is active


def test_not_loaded(plant):
    """Without the module nothing is tracked, and the counters are absent as not loaded."""
    section = read_conntrack(plant({}), {})
    assert section["active"] is False and section["drop"]["absent"] == "not_loaded"


@given(st.text() | st.text(alphabet="drop entis 0af\n"))
def test_any_text(text):
    """No text makes the parser fail."""
    assert "entries" not in parse_stat(text)
