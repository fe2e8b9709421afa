# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The greeting: only a challenge is answered, and the answer is that of one run."""

from __future__ import annotations

from ansible_collections.c10m.front_tier.plugins.module_utils._prove import greeting


def test_an_answer_is_of_one_run_and_one_challenge():
    """Another run, or another challenge, has another answer."""
    one, other = greeting.challenge(), greeting.challenge()
    assert one != other
    assert len(one) == greeting.SIZE
    answers = {greeting.answer(run, text) for run in ("a", "b") for text in (one, other)}
    assert len(answers) == 4
    assert None not in answers


def test_what_is_no_challenge_is_not_answered():
    """A request of some other protocol, and half a challenge, are left alone."""
    text = greeting.challenge()
    assert [None] * 4 == [greeting.answer("a", one) for one in (b"", b"GET / HTTP/1.0\r\n\r\n", text[:-1], text + b"x")]
