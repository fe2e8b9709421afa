# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths: what a user may write, and what each mistake is told, to the word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.c10m.front_tier.plugins.module_utils._model import paths

GOOD = {"destinations": ["10.0.0.9"], "ports": [80]}
BOUND = dict(GOOD, sources=["10.0.0.2"])


class TestAccepted:
    @pytest.mark.parametrize(
        "given, expected",
        [
            (GOOD, ((), ("10.0.0.9",), (80,), "none")),
            (dict(GOOD, destinations="10.0.0.9", ports="80"), ((), ("10.0.0.9",), (80,), "none")),
            (dict(GOOD, ports=["80-82", 81, " 90 "]), ((), ("10.0.0.9",), (80, 81, 82, 90), "none")),
            (BOUND, (("10.0.0.2",), ("10.0.0.9",), (80,), "no_port")),
            (dict(BOUND, bind="none"), (("10.0.0.2",), ("10.0.0.9",), (80,), "none")),
            (dict(BOUND, bind="plain"), (("10.0.0.2",), ("10.0.0.9",), (80,), "plain")),
            (dict(BOUND, dialer="haproxy"), (("10.0.0.2",), ("10.0.0.9",), (80,), "no_port", "haproxy")),
            (dict(BOUND, dialer="varnish"), (("10.0.0.2",), ("10.0.0.9",), (80,), "none", "varnish")),
            (dict(GOOD, dialer="nginx"), ((), ("10.0.0.9",), (80,), "none", "nginx")),
            (dict(BOUND, port_range="1-65535"), (("10.0.0.2",), ("10.0.0.9",), (80,), "explicit", None, (1, 65535))),
            (dict(GOOD, nofile=0), ((), ("10.0.0.9",), (80,), "none", None, None, None, None, 0)),
            (dict(GOOD, nofile="4096", service=None), ((), ("10.0.0.9",), (80,), "none", None, None, None, None, 4096)),
            (dict(GOOD, pid=1), ((), ("10.0.0.9",), (80,), "none", None, None, None, 1)),
            (dict(GOOD, service=" nginx "), ((), ("10.0.0.9",), (80,), "none", None, None, "nginx")),
            (dict(GOOD, destinations=["::FFFF:10.0.0.9", "10.0.0.9"]), ((), ("10.0.0.9",), (80,), "none")),
            (
                dict(GOOD, destinations=["::A:B", "1:0:0:2::"]),
                ((), ("::0.10.0.11", "1:0:0:2::"), (80,), "none"),
            ),  # as inet_ntop() writes it
            (dict(GOOD, destinations=["2001:DB8:0::1"]), ((), ("2001:db8::1",), (80,), "none")),
        ],
    )
    def test_what_is_written_in_a_natural_way(self, given, expected):
        """Single values, ranges, texts and mapped addresses are understood; the bind follows from the rest."""
        assert paths.parse_path("paths[0]", given) == paths.Path(*expected)

    def test_listeners_are_every_destination_with_every_port(self):
        """Two addresses with two ports are four listeners."""
        path = paths.parse_path("p", {"destinations": ["10.0.0.8", "10.0.0.9"], "ports": [80, 81]})
        assert path.listeners == [("10.0.0.8", 80), ("10.0.0.8", 81), ("10.0.0.9", 80), ("10.0.0.9", 81)]
        assert path.family == "inet"

    def test_nothing_is_no_paths(self):
        """No paths, an empty list and one path without a list are taken as meant."""
        assert paths.parse_paths(None) == paths.parse_paths([]) == []
        assert len(paths.parse_paths(GOOD)) == 1


NO_ADDRESS = " is no IPv4 or IPv6 address. Write one address for each item."
ONE_HOST = " is no address of one host. Write the address that is bound or dialled."
NO_PORT = ' is no port and no range of ports: write 80 or "8080-8082".'


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


class TestRefused:
    @pytest.mark.parametrize(
        "given, message",
        [
            ("10.0.0.9:80", "p is no dictionary. Write {destinations: [10.0.0.9], ports: [80]}."),
            (None, "p is no dictionary. Write {destinations: [10.0.0.9], ports: [80]}."),
            ({}, "p needs destinations and ports: name the addresses and ports that are dialled."),
            ({"ports": [80]}, "p needs destinations and ports: name the addresses and ports that are dialled."),
            (dict(GOOD, ports=[]), "p needs destinations and ports: name the addresses and ports that are dialled."),
            (dict(GOOD, port=80), "p has no key port. Its keys are " + ", ".join(paths.KEYS) + "."),
            (dict(GOOD, b=1, a=2), "p has no key a, b. Its keys are " + ", ".join(paths.KEYS) + "."),
            ({80: 1}, "p has no key 80. Its keys are " + ", ".join(paths.KEYS) + "."),
            (dict(GOOD, destinations=["web1"]), 'p.destinations: "web1"' + NO_ADDRESS),
            (dict(GOOD, destinations=["10.0.0.0/24"]), 'p.destinations: "10.0.0.0/24"' + NO_ADDRESS),
            (dict(GOOD, destinations=["10.0.0.9, 10.0.0.8"]), 'p.destinations: "10.0.0.9, 10.0.0.8"' + NO_ADDRESS),
            (dict(GOOD, destinations=["fe80::1%eth0"]), 'p.destinations: "fe80::1%eth0"' + NO_ADDRESS),
            (dict(GOOD, destinations=[5]), 'p.destinations: "5"' + NO_ADDRESS),
            (dict(GOOD, destinations=[True]), 'p.destinations: "True"' + NO_ADDRESS),
            (dict(GOOD, destinations={"a": 1}), "p.destinations: \"{'a': 1}\"" + NO_ADDRESS),
            (dict(GOOD, destinations=["0.0.0.0"]), "p.destinations: 0.0.0.0" + ONE_HOST),
            (dict(GOOD, destinations=["::"]), "p.destinations: ::" + ONE_HOST),
            (dict(GOOD, destinations=["224.0.0.1"]), "p.destinations: 224.0.0.1" + ONE_HOST),
            (dict(GOOD, sources=["ff02::1"]), "p.sources: ff02::1" + ONE_HOST),
            (
                dict(GOOD, destinations=["10.0.0.9", "fd00::9"]),
                "p.destinations mixes IPv4 and IPv6: 10.0.0.9, fd00::9. Write a path for each family.",
            ),
            (
                dict(GOOD, sources=["fd00::2"]),
                "p: sources and destinations are of different families: fd00::2, 10.0.0.9. Write a path for each family.",
            ),
            (dict(GOOD, ports=["http"]), 'p.ports "http"' + NO_PORT),
            (dict(GOOD, ports=["-80"]), 'p.ports "-80"' + NO_PORT),
            (dict(GOOD, ports=["80-"]), 'p.ports "80-"' + NO_PORT),
            (dict(GOOD, ports=["8_0"]), 'p.ports "8_0"' + NO_PORT),
            (dict(GOOD, ports=["80,81"]), 'p.ports "80,81"' + NO_PORT),
            (dict(GOOD, ports=[80.5]), 'p.ports "80.5"' + NO_PORT),
            (dict(GOOD, ports=[True]), 'p.ports "True"' + NO_PORT),
            (dict(GOOD, ports=[0]), "p.ports 0 is out of bounds: it must be 1 to 65535."),
            (dict(GOOD, ports=[65536]), "p.ports 65536 is out of bounds: it must be 1 to 65535."),
            (dict(GOOD, ports=["90-80"]), "p.ports 80 is out of bounds: it must be 90 to 65535."),
            (dict(BOUND, bind="reuse"), 'p.bind "reuse" is not one of none, no_port, plain, explicit.'),
            (dict(BOUND, bind=["plain"]), "p.bind \"['plain']\" is not one of none, no_port, plain, explicit."),
            (dict(BOUND, dialer="squid"), 'p.dialer "squid" is not known. It is one of haproxy, nginx, varnish, envoy; or give bind.'),
            (
                dict(BOUND, dialer=["nginx"]),
                "p.dialer \"['nginx']\" is not known. It is one of haproxy, nginx, varnish, envoy; or give bind.",
            ),
            (dict(GOOD, bind="plain"), "p: bind plain needs sources: name the addresses that the program binds."),
            (dict(GOOD, bind="explicit", port_range="1-2"), "p: bind explicit needs sources: name the addresses that the program binds."),
            (dict(BOUND, bind="explicit"), 'p: bind explicit and port_range "lo-hi" go together, give both or neither.'),
            (dict(BOUND, bind="plain", port_range="1-2"), 'p: bind explicit and port_range "lo-hi" go together, give both or neither.'),
            (dict(BOUND, port_range="100"), 'p.port_range "100" is no range. Write "lo-hi", for example "10000-19999".'),
            (dict(BOUND, port_range="0-5"), "p.port_range 0 is out of bounds: it must be 1 to 65535."),
            (dict(BOUND, port_range="9-5"), "p.port_range 5 is out of bounds: it must be 9 to 65535."),
            (dict(BOUND, port_range="a-b"), 'p.port_range "a" is no whole number: it must be 1 to 65535.'),
            (dict(GOOD, nofile=-1), "p.nofile -1 is out of bounds: it must be 0 to 2147483648."),
            (dict(GOOD, nofile="many"), 'p.nofile "many" is no whole number: it must be 0 to 2147483648.'),
            (dict(GOOD, nofile=True), 'p.nofile "True" is no whole number: it must be 0 to 2147483648.'),
            (dict(GOOD, pid=0), "p.pid 0 is out of bounds: it must be 1 to 4194304."),
            (dict(GOOD, pid=1, nofile=9), "p names pid and nofile: only one of them can bound its descriptors. Leave the others out."),
            (dict(GOOD, service=""), 'p.service "" is no name. Write the unit, such as "nginx.service", or leave it out.'),
            (dict(GOOD, service=5), 'p.service "5" is no name. Write the unit, such as "nginx.service", or leave it out.'),
            (
                {
                    "sources": ["10.1.%d.%d" % (a, b) for a in range(8) for b in range(256)],
                    "destinations": ["10.0.0.9"],
                    "ports": ["1-600"],
                },
                "p has more than 1048576 pairs of source and listener. Split it.",
            ),
        ],
    )
    def test_a_mistake_is_told_with_option_value_bound_and_remedy(self, given, message):
        """Each mistake has a message of its own that names what was written and what to write."""
        with pytest.raises(paths.PathError) as error:
            paths.parse_path("p", given)
        assert str(error.value) == message

    def test_the_path_is_named_by_its_place(self):
        """Of several paths the wrong one is named."""
        with pytest.raises(paths.PathError) as error:
            paths.parse_paths([GOOD, dict(GOOD, ports=[0])])
        assert str(error.value) == "paths[1].ports 0 is out of bounds: it must be 1 to 65535."

    @given(st.dictionaries(st.sampled_from(paths.KEYS), JUNK) | JUNK)
    def test_any_data_is_a_path_or_a_path_error(self, written):
        """Nothing that YAML can hold crashes the check."""
        try:
            assert paths.parse_path("p", written).listeners
        except paths.PathError as error:
            assert str(error).startswith("p")

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(paths.KEYS, JUNK)))
    def test_junk_in_one_key_of_a_good_path(self, written):
        """A good path with junk in some keys is refused or taken, never half read."""
        try:
            path = paths.parse_path("p", dict(BOUND, **written))
            assert path.bind in paths.BINDS and (path.port_range is None) == (path.bind != "explicit")
        except paths.PathError:
            pass


class TestUpstream:
    @pytest.mark.parametrize(
        "text, address, port",
        [("10.0.9.10:8080", "10.0.9.10", 8080), ("[2001:db8::1]:443", "2001:db8::1", 443), (" 1.2.3.4:1 ", "1.2.3.4", 1)],
    )
    def test_address_and_port(self, text, address, port):
        """IPv6 stands in brackets."""
        assert paths.upstream("u", text) == {"destinations": [address], "ports": [port]}

    @pytest.mark.parametrize(
        "text, message",
        [
            ("10.0.9.10", 'u "10.0.9.10" has no port. Write it as "10.0.9.10:8080".'),
            (":80", 'u ":80" has no port. Write it as "10.0.9.10:8080".'),
            ("web:80", 'u: "web"' + NO_ADDRESS),
            ("10.0.9.10:0", "u 0 is out of bounds: it must be 1 to 65535."),
            ("10.0.9.10:http", 'u "http" is no whole number: it must be 1 to 65535.'),
        ],
    )
    def test_a_mistake_is_told(self, text, message):
        """Names, missing and impossible ports are refused."""
        with pytest.raises(paths.PathError) as error:
            paths.upstream("u", text)
        assert str(error.value) == message


class TestNeeded:
    def test_sources_count_only_where_they_are_bound_with_a_port(self):
        """Every listener is needed to the port; whole sources only for plain and explicit binds."""
        several = [
            dict(BOUND, bind=bind, **({"port_range": "5-6"} if bind == "explicit" else {})) for bind in ("none", "no_port", "explicit")
        ]
        assert paths.needed(paths.parse_paths(several[:2])) == ({("10.0.0.9", 80)}, set())
        assert paths.needed(paths.parse_paths(several)) == ({("10.0.0.9", 80)}, {"10.0.0.2"})


class TestOwn:
    @pytest.mark.parametrize(
        "address, own",
        [
            ("127.9.9.9", True),
            ("::1", True),
            ("10.0.0.2", True),
            ("10.0.0.3", False),
            ("10.99.0.255", True),
            ("10.98.0.1", False),
            ("fd00:1::77", True),
            ("fd00::2", True),
            ("fd00::3", False),
        ],
    )
    def test_addresses_and_local_routes(self, address, own):
        """An address counts by itself, a local route with its whole prefix, the network of an address not."""
        rows = [("10.0.0.2/24", False), ("10.99.0.0/24", True), ("fd00::2/64", False), ("fd00:1::/64", True)]
        found = paths.Own({"addresses": [{"address": cidr, "local_route": route} for cidr, route in rows]})
        assert (address in found) == own

    def test_addresses_that_could_not_be_read(self):
        """Without addresses only loopback is known to be the host's own."""
        found = paths.Own({"addresses": {"absent": "unreadable", "detail": "x"}})
        assert "127.0.0.1" in found and "10.0.0.1" not in found
