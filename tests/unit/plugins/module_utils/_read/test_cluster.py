# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a cluster moves: found in every file of keepalived's configuration and in pacemaker's."""

from __future__ import annotations

from ansible_collections.c10m.front_tier.plugins.module_utils._read.cluster import mark_moving, read_cluster_addresses
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

MAIN = """
vrrp_instance one {
    virtual_ipaddress {
        10.0.0.100/24 dev eth0 label eth0:1   # was 10.0.0.99
        ! 10.0.0.98
        2001:DB8::100/64
    }
    virtual_routes { src 10.0.0.101 to 0.0.0.0/0 via 10.0.0.254 }
}
virtual_server 10.0.0.102 80 { }
include /srv/vrrp/*.conf
"""
CIB = """<cib><nvpair id="a-ip" name="ip" value="10.0.0.120"/><nvpair name="cidr_netmask" value="24"/>
<!-- <nvpair name="ip" value="10.0.0.121"/> --><nvpair name="ip" value="fd00::120"/></cib>"""


def test_addresses_of_keepalived_and_pacemaker(tmp_path):
    """Every address that is named counts, also in an included file; a remark does not."""
    files = {
        "etc/keepalived/keepalived.conf": MAIN,
        "etc/keepalived/conf.d/more.conf": "virtual_ipaddress { 10.0.0.110 10.0.0.111 }\n",
        "srv/vrrp/x.conf": "virtual_ipaddress { 10.0.0.115 }\n",
        "srv/vrrp/x.old": "virtual_ipaddress { 10.0.0.116 }\n",
        "var/lib/pacemaker/cib/cib.xml": CIB,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_cluster_addresses(Root(str(tmp_path)))
    ours = {address: path.rpartition("/")[2] for address, path in found.items() if address not in ("0.0.0.0", "10.0.0.254")}
    assert {
        "10.0.0.100": "keepalived.conf",
        "2001:db8::100": "keepalived.conf",
        "10.0.0.101": "keepalived.conf",
        "10.0.0.102": "keepalived.conf",
        "10.0.0.110": "more.conf",
        "10.0.0.111": "more.conf",
        "10.0.0.115": "x.conf",
        "10.0.0.120": "cib.xml",
        "fd00::120": "cib.xml",
    } == ours
    assert {} == read_cluster_addresses(Root(str(tmp_path / "srv")))


def test_addresses_that_move_are_marked(tmp_path):
    """As the file has them, with their network or alone; the host's own, which stands there without its network, does not move."""
    (tmp_path / "etc/keepalived").mkdir(parents=True)
    (tmp_path / "etc/keepalived/keepalived.conf").write_text(MAIN + "unicast_src_ip 10.0.0.2\nvirtual_ipaddress { 10.0.0.103 }\n")
    there = ["10.0.0.2/24", "10.0.0.100/24", "10.0.0.103/32", "10.0.0.104/32", "2001:db8::100/64", "10.0.0.102/24"]
    rows = [{"address": one, "local_route": False} for one in there] + [{"address": "10.0.0.101/32", "local_route": True}]
    mark_moving(Root(str(tmp_path)), rows)
    assert [row["address"] for row in rows if row.get("moves")] == ["10.0.0.100/24", "10.0.0.103/32", "2001:db8::100/64"]
