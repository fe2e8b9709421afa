# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets: the bytecode, the messages and the tables of /proc, each fed with good, odd and broken bytes."""

from __future__ import annotations

import socket
import struct
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model import ports as portsets
from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import is_absent
from ansible_collections.c10m.front_tier.plugins.module_utils._read import held, sock_diag, sockets
from ansible_collections.c10m.front_tier.plugins.module_utils._read.proc_net import parse_proc_net_tcp
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root

port_sets = st.sets(st.integers(0, 65535), min_size=1, max_size=80)


def bits(ports):
    """Return a set of ports as the module keeps it."""
    return sum(1 << port for port in ports)


def passes(bytecode, source, destination):
    """Run bytecode as inet_diag_bc_run() does, with the checks of inet_diag_bc_audit(); return whether it passes the socket."""
    assert len(bytecode) % 4 == 0 and len(bytecode) + 4 < 1 << 16
    at = 0
    while at < len(bytecode):
        code, yes, no = struct.unpack_from("=BBH", bytecode, at)
        left = len(bytecode) - at
        least = 4 if code == 1 else 8
        assert least <= yes <= left and yes % 4 == 0
        assert least <= no <= left + 4 and no % 4 == 0
        matches = False
        if code != 1:
            wanted = struct.unpack_from("=H", bytecode, at + 6)[0]
            port = source if code in (2, 3) else destination
            matches = port >= wanted if code in (2, 4) else port <= wanted
        at += yes if matches else no
    return at == len(bytecode)


def boundaries(bytecode):
    """Return where valid_cc() of the kernel allows a jump to: what the chain of `yes` goes through."""
    found, at = {0}, 0
    while at < len(bytecode):
        at += bytecode[at + 1]
        found.add(at)
    return found


class TestPortFilter:
    @given(port_sets, st.lists(st.integers(0, 65535), max_size=60))
    def test_passes_exactly_the_ports_of_the_set(self, ports, others):
        """The bytecode passes a local port if and only if it is in the set."""
        program = sock_diag.port_filter(bits(ports))
        edges = {port + step for port in ports for step in (-1, 0, 1)} & set(range(65536))
        for port in edges | set(others):
            assert passes(program, port, 7) == (port in ports)

    @given(port_sets, port_sets, st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=40))
    def test_passes_only_where_both_ends_are_in_their_sets(self, local, remote, others):
        """With a second program, the local and the remote port have to be in their sets."""
        program = sock_diag.port_filter(bits(local), sock_diag.SOURCE_PORT, sock_diag.port_filter(bits(remote), sock_diag.DESTINATION_PORT))
        pairs = [(source, destination) for source in list(local)[:8] for destination in list(remote)[:8]]
        for source, destination in pairs + [(source, 65535 - destination) for source, destination in pairs] + others:
            assert passes(program, source, destination) == (source in local and destination in remote)

    @given(port_sets)
    def test_every_jump_lands_on_an_instruction(self, ports):
        """No jump ends inside an instruction: the kernel's audit would refuse the whole request."""
        for program in (sock_diag.port_filter(bits(ports)), sock_diag.sample_filter(bits({80, 443}), bits(ports))):
            allowed = boundaries(program) | {len(program) + 4}
            assert all(at + struct.unpack_from("=H", program, at + 2)[0] in allowed for at in boundaries(program) if at < len(program))

    @given(port_sets, port_sets, st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=40))
    def test_a_sample_is_chosen_by_the_dialling_end(self, listening, sample, others):
        """In one program: an accepted socket passes by its peer's port, any other by its own."""
        program = sock_diag.sample_filter(bits(listening), bits(sample))
        pairs = [(own, peer) for own in list(listening)[:8] for peer in list(sample)[:8]]
        for own, peer in pairs + [(peer, own) for own, peer in pairs] + [(own, 65535 - peer) for own, peer in pairs] + others:
            assert passes(program, own, peer) == ((peer if own in listening else own) in sample)

    def test_the_most_ports_fit_into_one_attribute(self):
        """As many separate ports as are promised, less what is sampled, stay below the 64 KB of an attribute."""
        listening = sum(1 << port for port in range(1, 2 * sockets.MOST_PORTS_IN_FILTER, 2))
        assert portsets.count(listening) == sockets.MOST_PORTS_IN_FILTER
        places = [(100, 101) if block % 2 else (0, 255) for block in range(256)]  # a stretch may lie around the ends of a block
        ports = sum(1 << block * 256 + place for block, pair in enumerate(places) for place in pair)
        longest = [sock_diag.sample_filter(listening, ports), sock_diag.port_filter(sockets.EVERY_PORT & ~listening)]
        assert max(len(program) for program in longest) < 65532


class TestRandomPorts:
    @given(st.integers(1, 100000), st.integers(1, 5000000))
    @settings(max_examples=60)
    def test_the_share_is_that_of_the_ports_returned(self, sample, total):
        """The share that scales every estimate is exactly the part of all ports that is looked at."""
        ports, share = sockets.random_ports(sample, total)
        assert portsets.count(ports) == round(65536 * share)
        assert ports & ~sockets.EVERY_PORT == 0

    @given(st.integers(1, 20000))
    @settings(max_examples=30)
    def test_both_parities_are_equally_many(self, sample):
        """connect() takes ports of one parity first, so a sample has as many even as odd ones."""
        ports, _share = sockets.random_ports(sample, 300000)
        even = sum(1 << port for port in range(0, 65536, 2))
        assert portsets.count(ports & even) == portsets.count(ports & ~even)

    def test_each_port_is_as_likely_as_any_other(self):
        """Over many draws no port is favoured: the ends of a block are drawn as often as its middle."""
        drawn = Counter()
        for _dummy in range(300):
            ports, share = sockets.random_ports(1000, 8000)
            drawn.update(place for place in (0, 1, 127, 128, 254, 255) for block in range(256) if ports >> block * 256 + place & 1)
        expected = 300 * 256 * share
        assert all(abs(number - expected) < 6 * (expected * (1 - share)) ** 0.5 for number in drawn.values())

    @pytest.mark.parametrize(
        "share, total, error", [(1.0, 0, 0.0), (1.0, 5000, 0.0), (1 / 16, 320000, 0.0217), (0.5, 200, 0.2236), (2 / 256, 1000, 1.1269)]
    )
    def test_the_error_is_that_of_a_flow_of_a_tenth(self, share, total, error):
        """The error falls with the square root of the sockets looked at; all of them looked at leaves none."""
        assert sockets.sampling_error(share, total) == error


def message(size=124, kind=18, family=2, state=1, sport=40000, dport=80, source=b"\x7f\0\0\1", attributes=b"", tail=0):
    """Return a sock_diag message of `size` bytes."""
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack(">HH", sport, dport) + source.ljust(16, b"\0")
    raw = struct.pack("=IHHII", size, kind, 2, 1, 0) + body
    return (raw.ljust(88, b"\0") + attributes).ljust(size, bytes([tail]))


class TestRuns:
    @given(st.lists(st.sampled_from([88, 96, 116, 124, 132, 344, 512, 88 + 256]), min_size=1, max_size=60))
    def test_sizes_in_any_order_are_cut_apart(self, sizes):
        """Every message of a datagram is found once, whatever sizes stand beside each other."""
        data = b"".join(message(size, sport=index) for index, size in enumerate(sizes))
        found = []
        for offset, count, size in sock_diag.runs(memoryview(data), len(data)):
            found += [(size, struct.unpack_from(">H", data, offset + index * size + 20)[0]) for index in range(count)]
        assert found == [(size, index) for index, size in enumerate(sizes)]

    @given(st.binary(max_size=600))
    def test_junk_ends_the_datagram(self, junk):
        """Bytes that are no messages neither crash the reader nor hang it, and nothing outside them is read."""
        view = memoryview(junk)
        for offset, count, size in sock_diag.runs(view, len(junk)):
            assert offset + count * size <= len(junk)
            sock_diag.layout_of(view[offset : offset + size])

    @given(st.integers(0, 400))
    def test_a_truncated_datagram_gives_its_whole_messages(self, length):
        """A message that was cut off is left out."""
        data = b"".join(message(124, sport=index) for index in range(3))[:length]
        assert sum(count for _offset, count, _size in sock_diag.runs(memoryview(data), len(data))) == min(3, length // 124)

    def test_the_end_of_the_dump_in_the_same_datagram(self):
        """What follows the sockets, the end of the dump, is no socket."""
        data = message() + message() + struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
        assert list(sock_diag.runs(memoryview(data), len(data))) == [(0, 2, 124)]


class TestLayout:
    def test_unknown_attributes_are_stepped_over(self):
        """Attributes that a newer kernel adds do not hide those that are known."""
        attributes = struct.pack("=HHB3x", 5, 8, 0) + struct.pack("=HHI", 8, 99, 1) + struct.pack("=HHQ", 12, 21, 77)
        data = memoryview(message(88 + len(attributes), attributes=attributes))
        layout = sock_diag.layout_of(data)
        assert (layout.shutdown, layout.cgroup, layout.sockopt) == (92, 108, None)
        assert struct.unpack_from("=Q", data, layout.cgroup)[0] == 77

    @given(st.binary(max_size=120))
    def test_junk_attributes_do_not_crash(self, junk):
        """Attributes of any length, also zero, end the search."""
        sock_diag.layout_of(memoryview(message(88 + len(junk), attributes=junk)))


def listener(address, port, family="inet"):
    """Return a listener as the readers make it."""
    return {"address": address, "port": port, "family": family}


class TestCountAccepted:
    @pytest.mark.parametrize(
        "listeners, ends, expected",
        [
            ([("0.0.0.0", 80)], {(80, ""): 7}, [7]),
            ([("0.0.0.0", 80)], {(81, ""): 7}, [0]),
            ([("0.0.0.0", 80), ("0.0.0.0", 80)], {(80, ""): 7}, [4, 3]),
            ([("10.0.0.1", 80), ("10.0.0.2", 80)], {(80, "10.0.0.1"): 7}, [7, 0]),
            ([("10.0.0.1", 80), ("0.0.0.0", 80)], {(80, "10.0.0.1"): 7, (80, "10.0.0.9"): 2}, [7, 2]),
            ([("0.0.0.0", 80), ("::", 80)], {(80, "10.0.0.1"): 3, (80, "fd00::1"): 4}, [3, 4]),
            ([("10.0.0.1", 80), ("::", 80)], {(80, "::ffff:10.0.0.5"): 3, (80, "10.0.0.1"): 1}, [1, 3]),
            ([("10.0.0.1", 80), ("10.0.0.1", 80), ("10.0.0.2", 80)], {(80, "10.0.0.1"): 5, (80, "10.0.0.2"): 1}, [3, 2, 1]),
            ([("10.0.0.1", 80)], {(80, "10.0.0.2"): 5}, [0]),
        ],
    )
    def test_connections_belong_to_the_listener_that_took_them(self, listeners, ends, expected):
        """A connection counts for the listener on its address, else for the wildcard; equal listeners share."""
        rows = [listener(*one) for one in listeners]
        sockets.count_accepted(rows, Counter(ends))
        assert [row["connections"] for row in rows] == expected


class TestMerged:
    def test_an_ipv4_connection_of_an_ipv6_socket_is_the_same_flow(self):
        """IPv4 sockets and IPv4-mapped IPv6 sockets of one tuple are one row: their ports are the same ports."""
        one = {"source": "a", "destination": "b", "port": 80, "connections": 3, "no_port": 1, "time_wait": 2, "transparent": False}
        two = dict(one, connections=4, no_port=0, time_wait=1, transparent=True)
        other = dict(one, port=81)
        assert sockets.merged([dict(one), two, other]) == [dict(one, connections=7, no_port=1, time_wait=3, transparent=True), other]


TABLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(index, local, remote, state, inode, uid=0, queued=0):
    """Return a line of /proc/net/tcp."""
    return "%4d: %s %s %02X 00000000:%08X 00:00000000 00000000 %5d        0 %d 1 0 20 4 1 10 -1\n" % (
        index,
        local,
        remote,
        state,
        queued,
        uid,
        inode,
    )


class TestProcNetTcp:
    def test_reads_what_the_kernel_prints(self):
        """Addresses are words in the host's byte order, ports are not."""
        lines = [TABLE, row(0, "0100007F:1F90", "00000000:0000", 10, 12, 33, 5)]
        expected = [("127.0.0.1", 8080, "0.0.0.0", 0, 10, 5, 33, 12)]
        assert list(parse_proc_net_tcp(lines, socket.AF_INET)) == expected

    def test_reads_ipv6(self):
        """An IPv6 address is four words."""
        lines = [TABLE, row(0, "000080FE00000000FF005450B6AD1DFE:0050", "00000000000000000000000001000000:C350", 1, 9)]
        found = list(parse_proc_net_tcp(lines, socket.AF_INET6))
        assert [one[:5] for one in found] == [("fe80::5054:ff:fe1d:adb6", 80, "::1", 50000, 1)]

    @given(st.lists(st.text(max_size=200), max_size=8), st.sampled_from([socket.AF_INET, socket.AF_INET6]))
    def test_junk_is_left_out(self, lines, family):
        """No text crashes the parser; a line that is none of the kernel's is left out."""
        for found in parse_proc_net_tcp(lines, family):
            assert 0 <= found[1] <= 65535 and 0 <= found[3] <= 65535

    @given(st.text("0123456789ABCDEF: \n", max_size=400))
    def test_hexadecimal_junk_is_left_out(self, text):
        """Lines that look almost right are read or left out, never half."""
        for found in parse_proc_net_tcp([TABLE] + text.splitlines(), socket.AF_INET):
            assert len(found) == 8


class TestRecordedHost:
    def test_without_any_table_the_source_is_an_absence(self, tmp_path):
        """Where neither sock_diag nor /proc/net/tcp can be read, that is said, not a source with nothing in it."""
        found = sockets.read_sockets(Root(str(tmp_path)), 0, 0)
        assert is_absent(found["source"]) and found["listeners"] == [] and is_absent(found["bound"])

    def test_a_table_of_several_megabytes_is_read_whole(self, plant):
        """A host with many sockets has a table far beyond what is read of other files."""
        rows = [row(0, "00000000:0050", "00000000:0000", 10, 7)]
        rows += [row(index, "0100007F:0050", "0200007F:%04X" % (1024 + index), 1, 100 + index) for index in range(20000)]
        found = sockets.read_sockets(plant({"/proc/net/tcp": TABLE + "".join(rows)}), 0, 0)
        assert [one["connections"] for one in found["listeners"]] == [20000]
        assert found["seen"] == 20000 and found["flows"] == [] and found["source"] == "/proc/net/tcp"

    def test_what_waits_is_no_connection_of_a_listener(self, plant):
        """TIME_WAIT, orphans in FIN_WAIT2 and half-open sockets are held by no process."""
        states = [(1, 50), (8, 51), (5, 52), (5, 0), (6, 0), (3, 0)]
        rows = [row(0, "00000000:0050", "00000000:0000", 10, 7)]
        rows += [row(1, "0100007F:0050", "0200007F:%04X" % (5000 + at), state, inode) for at, (state, inode) in enumerate(states)]
        found = sockets.read_sockets(plant({"/proc/net/tcp": TABLE + "".join(rows)}), 0, 0)
        assert [one["connections"] for one in found["listeners"]] == [3]

    def test_an_outgoing_flow_counts_what_lives_and_what_waits(self, plant):
        """Connections and TIME_WAITs of one (source, destination, port) are one flow, of both tables."""
        mapped = "0000000000000000FFFF0000%s"
        four = [row(at, "0100007F:%04X" % (40000 + at), "0200007F:0050", 6 if at > 1 else 1, 9 + at if at < 2 else 0) for at in range(3)]
        six = [row(0, mapped % "0100007F" + ":9C50", mapped % "0200007F" + ":0050", 1, 88)]
        root = plant({"/proc/net/tcp": TABLE + "".join(four), "/proc/net/tcp6": TABLE + "".join(six)})
        assert [
            (flow["source"], flow["destination"], flow["port"], flow["family"], flow["connections"], flow["time_wait"])
            for flow in sockets.read_sockets(root, 0, 0)["flows"]
        ] == [("127.0.0.1", "127.0.0.2", 80, "inet", 3, 1)]

    def test_the_owner_of_a_listener_is_the_one_in_the_table(self, plant):
        """The uid comes from the table, also without sock_diag."""
        root = plant({"/proc/net/tcp": TABLE + row(0, "00000000:0050", "00000000:0000", 10, 7, 33)})
        assert [one["uid"] for one in sockets.read_sockets(root, 0, 0)["listeners"]] == [33]


class TestFallback:
    @pytest.mark.parametrize(
        ("where", "broken"), [(sockets, "_walks"), (sockets, "read_listeners"), (sockets, "read_bound"), (held, "read_held")]
    )
    def test_a_refusal_at_any_point_falls_back_to_proc(self, monkeypatch, where, broken):
        """Where the kernel refuses sock_diag, its bytecode or a single dump, /proc/net/tcp is read and named."""

        def refuse(*_arguments):
            raise OSError(22, "sock_diag refuses the dump")

        monkeypatch.setattr(where, broken, refuse)
        found = sockets.read_sockets(Root(), sockets.EVERY_PORT, 0, 0, {("127.0.0.1", 80)})
        assert found["source"] == "/proc/net/tcp" and is_absent(found["bound"])
