# Copyright: (c) 2026, the c10m.front_tier contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edge promises."""


def test_it_answers(host):
    """The service runs now and after the next boot."""
    assert host.service("nginx").is_running and host.service("nginx").is_enabled
    assert host.socket("tcp://0.0.0.0:80").is_listening


def test_it_holds_what_we_promised(host, front_tier):
    """Its own limits allow what we sell; those of the machine that runs this test do not count."""
    assert front_tier(host, service="nginx").inbound >= 5_000


def test_nothing_is_wrong(host, front_tier):
    """No finding is an error, and nothing changes with the next boot."""
    audit = front_tier(host)
    assert not audit.findings("error")
    assert not [finding for finding in audit.findings("warning") if finding["id"] in ("FT601", "FT603", "FT610")]
