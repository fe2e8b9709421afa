# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets: who manages what, and what goes back."""

from __future__ import annotations

import pytest

from ansible_collections.c10m.front_tier.plugins.module_utils._model.steps import Refusal
from ansible_collections.c10m.front_tier.plugins.module_utils._plan import sets
from ansible_collections.c10m.front_tier.plugins.module_utils._plan.sets import Wanted

EMPTY = {"version": 1, "sets": {}}
THING = ("sysctl", "net.core.somaxconn")


def same(_kind, _name, one, other):
    """Compare values as text."""
    return one == other


def reconcile(record, wanted, now, name="front-tier", section="kernel_settings"):
    """Reconcile somaxconn alone."""
    return sets.reconcile(record, name, section, [Wanted(*THING, value) for value in wanted], {THING: now}, same)


def test_the_first_value_is_kept_through_every_later_change():
    """What a thing had before the set took it over is its original, however often the set changes its mind."""
    record = reconcile(EMPTY, ["8192"], "4096").record
    outcome = reconcile(record, ["65535"], "8192")
    entry = outcome.record["sets"]["front-tier"]["kernel_settings"]["sysctl net.core.somaxconn"]
    assert ("4096", "65535") == (entry["original"], entry["value"])
    assert {THING: "65535"} == outcome.targets


def test_what_is_no_longer_named_goes_back():
    """A section is authoritative: a thing that it does not name any more gets its original, and the record forgets it."""
    outcome = reconcile(reconcile(EMPTY, ["8192"], "4096").record, [], "8192")
    assert ({THING: "4096"}, EMPTY, []) == (outcome.targets, outcome.record, outcome.left)


def test_what_others_changed_meanwhile_is_left():
    """A value that is neither ours nor the original stays, and is reported."""
    outcome = reconcile(reconcile(EMPTY, ["8192"], "4096").record, [], "100")
    assert ({}, EMPTY) == (outcome.targets, outcome.record)
    assert [{"kind": "sysctl", "name": "net.core.somaxconn", "ours": "8192", "now": "100"}] == outcome.left


def test_two_sets_that_want_different_values_are_refused():
    """Both sets are named, and nothing is decided."""
    record = reconcile(EMPTY, ["8192"], "4096", name="web").record
    with pytest.raises(Refusal) as refusal:
        reconcile(record, ["65535"], "8192", name="cache")
    assert (
        "sysctl net.core.somaxconn: set cache, section kernel_settings wants 65535, and set web, section kernel_settings has 8192. "
        "Let one of them manage it. Nothing was changed."
    ) == str(refusal.value)


def test_two_sets_that_agree_share_a_thing_until_the_last_one_ends():
    """The thing goes back to the first original only when no set names it any more."""
    both = reconcile(reconcile(EMPTY, ["8192"], "4096", name="web").record, ["8192"], "8192", name="cache").record
    one = reconcile(both, [], "8192", name="web")
    assert {} == one.targets
    last = reconcile(one.record, [], "8192", name="cache")
    assert ({THING: "4096"}, EMPTY) == (last.targets, last.record)


def test_a_thing_of_the_next_boot_only_has_no_live_target():
    """With live false nothing is set now, and nothing is put back later."""
    wanted = [Wanted(*THING, "8192", persist=True, live=False)]
    outcome = sets.reconcile(EMPTY, "front-tier", "kernel_settings", wanted, {THING: "4096"}, same)
    assert {} == outcome.targets
    assert {"net.core.somaxconn": "8192"} == sets.kept(outcome.record, "front-tier", "sysctl")
    assert {} == reconcile(outcome.record, [], "4096").targets


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "sets": {}}', '{"version": 1}', "null", '{"version": 1, "sets": []}'])
def test_a_record_that_is_not_ours_is_refused(text):
    """Nothing is guessed about a record of another version or with junk in it."""
    with pytest.raises(Refusal, match=r"sets.json cannot be understood .* Nothing was changed\."):
        sets.parse_record(text)


def test_a_record_survives_being_written():
    """What is written is what is read, and no record is an empty one."""
    record = reconcile(EMPTY, ["8192"], "4096").record
    assert record == sets.parse_record(sets.record_text(record))
    assert EMPTY == sets.parse_record("")


def test_what_was_once_set_live_goes_back_though_a_later_run_sets_nothing_live():
    """live: false after a live change forgets neither the original nor the value that the thing still has from us."""
    record = reconcile(EMPTY, ["65535"], "4096").record
    quiet = sets.reconcile(record, "front-tier", "kernel_settings", [Wanted(*THING, "1024", live=False)], {THING: "65535"}, same)
    assert {} == quiet.targets
    outcome = reconcile(quiet.record, [], "65535")
    assert ({THING: "4096"}, EMPTY, []) == (outcome.targets, outcome.record, outcome.left)


def test_a_second_set_that_sets_nothing_live_inherits_the_undo_of_the_first():
    """The last set that ends brings the first value back, also where only the one before it had written it."""
    record = reconcile(EMPTY, ["65535"], "4096", name="a").record
    record = sets.reconcile(record, "b", "kernel_settings", [Wanted(*THING, "65535", live=False)], {THING: "65535"}, same).record
    record = reconcile(record, [], "65535", name="a").record
    assert {THING: "4096"} == reconcile(record, [], "65535", name="b").targets


@pytest.mark.parametrize(
    "text",
    ["[]", "1", '{"version": 2, "sets": {}}', '{"version": 1, "sets": {"a": []}}', '{"version": 1, "sets": {"a": {"b": {"c": {}}}}}'],
)
def test_a_record_that_is_none_is_refused_with_the_remedy(text):
    """Junk, and the record of another version, is a refusal that says what to do."""
    with pytest.raises(Refusal, match="Restore it, or remove it"):
        sets.parse_record(text)
