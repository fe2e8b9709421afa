# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network managers: which one manages an interface, and the files that it reads at the next start."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._apply.persist import managers, netplan, networkd
from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.interfaces import Item, Kept
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

MAC = bytes.fromhex("0200000000aa")
LINKS = {
    "lo": {"index": 1, "mac": b"", "type": ""},
    "eth0": {"index": 2, "mac": MAC, "type": ""},
    "eth1": {"index": 3, "mac": MAC, "type": ""},
}
TWO = (("10.0.0.5/32", False), ("fd00::5/128", True))
NETWORKD = {
    "/etc/systemd/network/20-eth.network": "[Match]\nName=eth0\n",
    "/run/systemd/netif/state": "",
    "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/20-eth.network\n",
}
NETPLAN_FILE = """network:
  version: 2
  renderer: networkd
  ethernets:
    # a remark
    'uplink':
      match: {name: eth0}
      addresses:
        - 10.0.0.1/24
    eth1:
      dhcp4: true
"""
NETPLAN = {
    "/etc/netplan/01-main.yaml": NETPLAN_FILE,
    "/run/systemd/netif/state": "",
    "/run/systemd/network/10-netplan-uplink.network": "[Match]\nName=eth0\n",
    "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-uplink.network\n",
}
MANAGER = {"/run/NetworkManager/devices/2": "[device]\nmanaged=true\nconnection-uuid=0123\n"}
IFUPDOWN = {
    "/etc/network/interfaces": "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n",
    "/etc/network/interfaces.d/eth0": "allow-hotplug eth0\niface eth0 inet dhcp\n",
}


def host(tree, *several):
    """Return a root with files."""
    for files in several:
        for name, text in files.items():
            path = tree / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return Root(str(tree))


def item(interface="eth0", kind="address"):
    """Return what a user asks for on an interface."""
    return Item("", interface, kind, [], interface, "auto", True, True, True)


def texts(root, backend, *kept):
    """Return {path: text} of a backend's files for the set `web`."""
    return {path: text for path, (text, _mode) in managers.files(root, backend, "web", list(kept), LINKS).items()}


def body(text):
    """Return a text without our header."""
    return "".join(line for line in text.splitlines(True) if not line.startswith("# Managed by"))


@pytest.mark.parametrize(
    ("files", "manager"), [(NETWORKD, "networkd"), (NETPLAN, "netplan"), (MANAGER, "networkmanager"), (IFUPDOWN, "ifupdown")]
)
def test_auto_finds_the_one_that_manages(tmp_path, files, manager):
    """auto is the manager that has the interface, by what it left in /run, else by its files."""
    assert manager == managers.choose(host(tmp_path, files), "auto", item(), LINKS)


def test_auto_refuses_to_guess_between_two(tmp_path):
    """Two that seem to manage the interface are named, with what shows it; a backend that is named is taken."""
    root = host(tmp_path, NETWORKD, IFUPDOWN)
    with pytest.raises(Refusal) as error:
        managers.choose(root, "auto", item(), LINKS)
    assert (
        "backend: eth0 seems to be managed by networkd (/etc/systemd/network/20-eth.network) and by ifupdown (/etc/network/interfaces), "
        "and this is no time to guess. Name the backend (networkd, networkmanager, ifupdown, netplan), or say persist: false. "
        "Nothing was changed." == str(error.value)
    )
    assert "ifupdown" == managers.choose(root, "ifupdown", item(), LINKS)


def test_auto_passes_by_what_networkmanager_only_shows(tmp_path):
    """An interface that NetworkManager calls "connected (externally)" is that of the manager that set it up."""
    shown = "[connection]\nid=eth0\nuuid=0123\ntype=ethernet\nautoconnect=false\ninterface-name=eth0\n\n[ipv4]\nmethod=manual\n"
    root = host(tmp_path, NETWORKD, MANAGER, {"/run/NetworkManager/system-connections/eth0.nmconnection": shown})
    assert "networkd" == managers.choose(root, "auto", item(), LINKS)


def test_auto_refuses_where_nobody_manages(tmp_path):
    """Without a manager there is nothing to keep it, and the message says what to do."""
    unmanaged = {"/run/systemd/netif/links/2": "ADMIN_STATE=unmanaged\n", "/run/NetworkManager/devices/2": "[device]\nmanaged=false\n"}
    with pytest.raises(Refusal, match=r"backend: eth0 is managed by none of .* say persist: false\. Nothing was changed\.\Z"):
        managers.choose(host(tmp_path, unmanaged), "auto", item(), LINKS)


def test_what_is_up_says_more_than_a_stanza(tmp_path):
    """An interface with a stanza that ifupdown has not brought up is not its own."""
    root = host(tmp_path, IFUPDOWN, {"/run/network/ifstate": "lo=lo\n"}, NETWORKD)
    assert "networkd" == managers.choose(root, "auto", item(), LINKS)


def test_networkd_gets_a_drop_in_beside_the_active_file(tmp_path):
    """The file that networkd says is in force decides, also where another one would match by its name."""
    root = host(tmp_path, NETWORKD, {"/etc/systemd/network/10-all.network": "[Match]\nName=*\n"})
    found = texts(root, "networkd", Kept("eth0", "address", "eth0", TWO))
    assert ["/etc/systemd/network/20-eth.network.d/50-web.conf"] == list(found)
    assert "[Address]\nAddress=10.0.0.5/32\n\n[Address]\nAddress=fd00::5/128\nPreferredLifetime=0\n" == body(*found.values())


def test_networkd_may_serve_beside_netplan(tmp_path):
    """What netplan generates has a drop-in folder in /etc, too."""
    found = texts(host(tmp_path, NETPLAN), "networkd", Kept("eth0", "address", "eth0", TWO))
    assert ["/etc/systemd/network/10-netplan-uplink.network.d/50-web.conf"] == list(found)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("Name=eth0", True),
        ("Name=eth1 eth*", True),
        ("Name=!eth0 eth1", False),
        ("Name=!wl*", True),
        ("Name=en*", False),
        ("MACAddress=02:00:00:00:00:AA", True),
        ("MACAddress=0200.0000.00aa", True),
        ("MACAddress=02:00:00:00:00:ab", False),
        ("Name=eth0\nKind=veth", False),
        ("Name=eth0\nType=ether", True),
        ("Type=loopback", False),
        ("# Name=eth0\nName=\\\n  eth0", True),
        ("Driver=e1000", None),
        ("Name=en*\nDriver=e1000", False),
    ],
)
def test_networkd_matches_as_networkd_does(tmp_path, match, fits):
    """While networkd does not run, the first file that matches counts; what cannot be told is refused."""
    root = host(tmp_path, {"/etc/systemd/network/10-x.network": "[Match]\n%s\n" % match})
    if fits is None:
        with pytest.raises(Refusal, match="cannot be told while networkd does not run"):
            networkd.matching_file(root, "eth0", LINKS["eth0"])
    else:
        assert fits is bool(networkd.matching_file(root, "eth0", LINKS["eth0"]))


def test_networkd_files_of_one_name(tmp_path):
    """Of one name the file in /etc counts, and a link to /dev/null masks it."""
    root = host(
        tmp_path,
        {"/usr/lib/systemd/network/10-a.network": "[Match]\nName=eth0\n", "/etc/systemd/network/20-b.network": "[Match]\nName=eth0\n"},
    )
    assert "/usr/lib/systemd/network/10-a.network" == networkd.matching_file(root, "eth0", LINKS["eth0"])
    (tmp_path / "etc/systemd/network/10-a.network").symlink_to("/dev/null")
    assert "/etc/systemd/network/20-b.network" == networkd.matching_file(root, "eth0", LINKS["eth0"])


def test_networkd_without_an_active_file(tmp_path):
    """A drop-in beside no file would have no effect, and is refused."""
    with pytest.raises(Refusal, match=r"has no \.network file in force for eth0"):
        texts(host(tmp_path, {}), "networkd", Kept("eth0", "address", "eth0", TWO))


def test_networkd_interfaces_of_our_own(tmp_path):
    """A macvlan is a device, a file of its own, and a line in its parent's drop-in; a dummy has no parent; routes of lo have a file."""
    found = texts(
        host(tmp_path, NETWORKD),
        "networkd",
        Kept("eth0", "address", "eth0", TWO[:1]),
        Kept("eth0", "macvlan", "eth0-ft", TWO),
        Kept("front9", "dummy", "front9", TWO[:1]),
        Kept("lo", "local_route", "lo", (("10.99.0.0/24", False), ("fd99::/64", False))),
    )
    folder = "/etc/systemd/network/"
    assert {
        "20-eth.network.d/50-web.conf",
        "50-web-eth0-ft.netdev",
        "50-web-eth0-ft.network",
        "50-web-front9.netdev",
        "50-web-front9.network",
        "50-web-lo.network",
    } == {path[len(folder) :] for path in found}
    assert "[Network]\nMACVLAN=eth0-ft\n\n[Address]\nAddress=10.0.0.5/32\n" == body(found[folder + "20-eth.network.d/50-web.conf"])
    assert "[NetDev]\nName=eth0-ft\nKind=macvlan\n\n[MACVLAN]\nMode=bridge\n" == body(found[folder + "50-web-eth0-ft.netdev"])
    assert "[NetDev]\nName=front9\nKind=dummy\n" == body(found[folder + "50-web-front9.netdev"])
    route = "[Route]\nDestination=%s\nType=local\nTable=local\n"
    assert "[Match]\nName=lo\n\n" + route % "10.99.0.0/24" + "Scope=host\n\n" + route % "fd99::/64" == body(
        found[folder + "50-web-lo.network"]
    )


def test_networkd_file_of_others_that_comes_first(tmp_path):
    """A file that would take our own interface before ours does is named."""
    root = host(tmp_path, NETWORKD, {"/etc/systemd/network/10-all.network": "[Match]\nName=*\n"})
    with pytest.raises(Refusal, match=r"10-all\.network matches front9 before .*50-web-front9\.network does"):
        texts(root, "networkd", Kept("front9", "dummy", "front9", TWO))


def test_networkmanager_gets_a_dispatcher_script(tmp_path):
    """The active connection's keyfile belongs to somebody else: a script of our own acts when the interface comes up."""
    ((path, (text, mode)),) = managers.files(
        host(tmp_path, MANAGER), "networkmanager", "web", [Kept("eth0", "address", "eth0", TWO)], LINKS
    ).items()
    assert ("/etc/NetworkManager/dispatcher.d/50-web", 0o755) == (path, mode)
    assert text.startswith("#!/bin/sh\n# Managed by")
    assert "address replace %s dev eth0" in text and "preferred_lft 0" in text and '[ "$2" = up ]' in text


def test_networkmanager_profiles_of_interfaces_of_our_own(tmp_path):
    """A macvlan or a dummy is a keyfile that only root reads, the same for the same set, and the script gives it its addresses."""
    kept = [Kept("eth0", "macvlan", "eth0-ft", TWO), Kept("front9", "dummy", "front9", TWO)]
    found = managers.files(host(tmp_path, MANAGER), "networkmanager", "web", kept, LINKS)
    folder = "/etc/NetworkManager/system-connections/50-web-"
    assert [0o600, 0o600] == [found[folder + name + ".nmconnection"][1] for name in ("eth0-ft", "front9")]
    profile = found[folder + "eth0-ft.nmconnection"][0]
    assert "type=macvlan\n" in profile and "[macvlan]\nmode=2\nparent=eth0\n" in profile and "interface-name=eth0-ft\n" in profile
    assert found == managers.files(host(tmp_path, MANAGER), "networkmanager", "web", kept, LINKS)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("source /etc/network/interfaces.d/*", "50-web"),
        ("source interfaces.d/*", "50-web"),
        ("source-directory /etc/network/interfaces.d", "50-web"),
        ("source /etc/network/interfaces.d/*.cfg", "50-web.cfg"),
        ("# source /etc/network/interfaces.d/*", None),
        ("source /etc/network/other.d/*", None),
    ],
)
def test_ifupdown_only_where_the_folder_is_read(tmp_path, line, name):
    """Our file has a name that interfaces takes in; where it reads no such folder, the line to add is told."""
    root = host(tmp_path, {"/etc/network/interfaces": line + "\n"})
    kept = Kept("eth0", "address", "eth0", TWO)
    if name is None:
        with pytest.raises(Refusal, match=r"Add the line `source /etc/network/interfaces\.d/\*` to it"):
            texts(root, "ifupdown", kept)
    else:
        assert ["/etc/network/interfaces.d/" + name] == list(texts(root, "ifupdown", kept))


def test_ifupdown_adds_a_stanza(tmp_path):
    """A further stanza of the interface, without `auto`, which adds at up and takes away at down."""
    (text,) = texts(host(tmp_path, IFUPDOWN), "ifupdown", Kept("eth0", "address", "eth0", TWO)).values()
    pipe = " | ip -force -batch - || :\n"
    up, down = "    up printf 'address replace %s dev eth0", "    down printf 'address delete %s dev eth0\\n' "
    wanted = up + "\\n' 10.0.0.5/32" + pipe + up + " preferred_lft 0\\n' fd00::5/128" + pipe
    wanted += down + "10.0.0.5/32" + pipe + down + "fd00::5/128" + pipe
    assert "iface eth0 inet manual\n" + wanted == body(text)


def test_netplan_adds_to_the_definition(tmp_path):
    """Addresses are added under the definition's own kind and id, which need not be the interface's name, in a file for root alone."""
    ((path, (text, mode)),) = managers.files(
        host(tmp_path, NETPLAN), "netplan", "web", [Kept("eth0", "address", "eth0", TWO)], LINKS
    ).items()
    assert ("/etc/netplan/90-web.yaml", 0o600) == (path, mode)
    assert (
        "network:\n  version: 2\n  ethernets:\n    uplink:\n      addresses:\n"
        '        - "10.0.0.5/32"\n        - "fd00::5/128":\n            lifetime: 0\n' == body(text)
    )


def test_netplan_refuses_what_it_has_no_words_for(tmp_path):
    """Interfaces of our own, an interface that no file defines, and lifetimes under NetworkManager are refused with the remedy."""
    root = host(tmp_path, NETPLAN)
    with pytest.raises(Refusal, match=r"netplan cannot keep kind macvlan of eth0\. Say backend: networkd"):
        texts(root, "netplan", Kept("eth0", "macvlan", "eth0-ft", TWO))
    with pytest.raises(Refusal, match="no file of netplan that can be understood defines lo"):
        texts(root, "netplan", Kept("lo", "address", "lo", TWO))
    root = host(tmp_path, {"/etc/netplan/01-main.yaml": NETPLAN_FILE.replace("networkd", "NetworkManager")})
    with pytest.raises(Refusal, match=r"Say backend: networkmanager\."):
        texts(root, "netplan", Kept("eth0", "address", "eth0", TWO))
    assert texts(root, "netplan", Kept("eth0", "address", "eth0", TWO[:1]))


def test_definitions_of_netplan():
    """Kinds and ids by indentation; flow style is not understood and gives none."""
    assert [("ethernets", "uplink"), ("ethernets", "eth1")] == netplan.definitions(NETPLAN_FILE)
    assert [("bonds", "bond0")] == netplan.definitions("network:\n    bonds:\n        bond0:\n            interfaces: [a, b]\n")
    assert [] == netplan.definitions("network: {ethernets: {eth0: {dhcp4: true}}}\n")


def test_a_thousand_addresses_in_one_file(tmp_path):
    """Every backend takes a thousand addresses in one file of less than a mebibyte, which is read whole again."""
    rows = tuple(("10.%d.%d.1/32" % (index // 200, index % 200), False) for index in range(1024))
    for number, (backend, files) in enumerate(
        (("networkd", NETWORKD), ("networkmanager", MANAGER), ("ifupdown", IFUPDOWN), ("netplan", NETPLAN))
    ):
        (text,) = texts(host(tmp_path / str(number), files), backend, Kept("eth0", "address", "eth0", rows)).values()
        assert len(text) < 1 << 20 and all(cidr in text for cidr, _other in rows)
