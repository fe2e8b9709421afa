# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that sessions get from PAM: limits.conf, limits.d, and which services use them. Private to the collection.

Sources: limits.conf(5), pam.d(5); parse_config_file() and process_limit() of Linux-PAM 1.4 to 1.7, and Debian's patches to it.
"""

from __future__ import annotations

import re
from typing import Any, Iterable

from ansible_collections.c10m.front_tier.plugins.module_utils._model.absence import UNLIMITED
from ansible_collections.c10m.front_tier.plugins.module_utils._read.conf_files import clipped, conf_files, lines, place, problem
from ansible_collections.c10m.front_tier.plugins.module_utils._read.root import Root, text_of

SERVICES = ("sshd", "login", "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond", "systemd-user")
ITEMS = ("nofile", "nproc")


def parse_limits(text: str, path: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the rules for nofile and nproc of one file, and its garbage.

    A rule: {domain, type: soft | hard | both | none (`user -`: no limits at all for whom it names), item, value: number or
    `unlimited`, source}. PAM reads a number up to its first other character: `64k` is 64 and `1e6` is 1, which are problems.
    """
    rules, problems = [], []
    for number, line in lines(text):
        words = line.partition("#")[0].split(None, 3)
        source = place(path, number)
        if len(words) == 2 and words[1].startswith("-"):
            rules.append({"domain": words[0], "type": "none", "item": "-", "value": None, "source": source})
        elif words and len(words) != 4:
            problems.append(problem("garbage", source, "%s is no rule and is skipped." % clipped(line)))
        elif words and words[2].lower() in ITEMS:
            kind = {"soft": "soft", "hard": "hard", "-": "both"}.get(words[1].lower())
            value, clean = parse_value(words[3].strip().lower())
            if kind is not None and value is not None:
                rules.append({"domain": words[0], "type": kind, "item": words[2].lower(), "value": value, "source": source})
            if kind is None or not clean:
                problems.append(
                    problem(
                        "garbage",
                        source,
                        "%s: PAM %s."
                        % (clipped(line), "skips this line" if kind is None or value is None else "reads the value as %s" % value),
                    )
                )
    return rules, problems


def parse_value(text: str) -> tuple[Any, bool]:
    """Return a limit as strtoull() reads it (None: nothing), and whether that is all that is written."""
    if text in ("-1", "-", "unlimited", "infinity"):
        return UNLIMITED, True
    digits = re.match(r"\s*([+-]?)(\d+)", text, re.ASCII)
    if not digits:
        return None, False
    number = int(digits.group(2)[:25])
    if digits.group(1) == "-" and number:
        number = 2**64 - number if number < 2**64 else 2**64
    return (UNLIMITED if number >= 2**64 - 1 else number), text.isdigit()


def parse_pam(text: str) -> list[tuple[str, list[str]]]:
    """Return (what, its arguments) of the session part of a pam.d file: a module's name, or `include` with the file's name."""
    found = []
    for _number, line in lines(text.replace("\\\r\n", " ").replace("\\\n", " ")):
        words = re.sub(r"\[[^\]]*\]", "[]", line.partition("#")[0]).split()
        if len(words) > 1 and words[0] == "@include":
            found.append(("include", words[1:2]))
        elif len(words) > 2 and words[0].lower().lstrip("-") == "session":
            nested = words[1].lower() in ("include", "substack")
            found.append(("include", words[2:3]) if nested else (words[2].rpartition("/")[2], words[3:]))
    return found


def read_pam_limits(root: Root) -> dict[str, Any]:
    """Return {rules, problems, services, root_by_name}, rules in the order that PAM reads them.

    services: {name: {enabled, conf}} of those of SERVICES that there are: whether pam_limits is in their session part, and
    the file it reads instead of all others (`conf=`), None without. root_by_name: Debian and Ubuntu apply to root only
    rules that name it; others treat it like any user.
    """
    rules, problems = [], []
    main = [path for path in ("/etc/security/limits.conf", "/usr/lib/security/limits.conf") if root.exists(path)][:1]
    for path in main + conf_files(root, ["/etc/security/limits.d", "/usr/lib/security/limits.d"]):
        text = root.text(path)
        found, garbage = parse_limits(text_of(text), path)
        rules += found
        problems += garbage if isinstance(text, str) else [problem("unreadable", path, text["detail"])]
    likes = re.findall(r"^ID(?:_LIKE)?=(.*)$", text_of(root.text("/etc/os-release")), re.MULTILINE)
    services = {name: _enabled(root, name) for name in SERVICES if _pam_file(root, name)}
    return {
        "rules": rules,
        "problems": problems,
        "services": services,
        "root_by_name": bool({"debian", "ubuntu"} & set(re.findall(r"\w+", " ".join(likes)))),
    }


def limits_for(
    pam: dict[str, Any], user: str, groups: Iterable[str] = (), uid: int | None = None, gid: int | None = None, item: str = "nofile"
) -> dict[str, Any]:
    """Return {soft, hard, source} that a new session of a user gets; None each where no rule says it and the session inherits.

    pam: of read_pam_limits(). A user's own rule (or a range of uids) beats a group's, a group's beats `*`; of equals the
    last counts. `%group` is for logins only. `unlimited` means fs.nr_open as it then is. source: {soft, hard} file:line.
    """
    apart = pam["root_by_name"] and (uid == 0 or user == "root")
    best: dict[str, tuple[int, dict[str, Any]]] = {}
    for rule in pam["rules"]:
        domain = rule["domain"]
        if apart and rule["type"] != "none" and ":" in domain and domain[0] in "@%":
            domain = domain[1:]  # Debian's patch lets these fall through to the ranges of uids
        rank = _rank(domain, user, set(groups), uid, gid)
        if rank is None:
            continue
        if rule["type"] == "none":
            if rank < 2:
                return {"soft": None, "hard": None, "source": {"soft": rule["source"], "hard": rule["source"]}}
        elif rule["item"] == item and not (apart and rank > 0):
            for side in ("soft", "hard") if rule["type"] == "both" else (rule["type"],):
                if side in best and best[side][0] < rank:
                    break  # a `-` rule whose soft limit is beaten does not set the hard one either
                best[side] = (rank, rule)
    values = {side: best[side][1]["value"] if side in best else None for side in ("soft", "hard")}
    soft, hard = values["soft"], values["hard"]
    if isinstance(hard, int) and soft is not None and (soft == UNLIMITED or soft > hard):
        values["soft"] = hard
    return dict(values, source={side: best[side][1]["source"] if side in best else None for side in ("soft", "hard")})


def _rank(domain: str, user: str, groups: set[str], uid: int | None, gid: int | None) -> int | None:
    """Return how strong a domain is for a user (0 the strongest), None where it does not cover the user."""
    if domain == user:
        return 0
    if domain == "*":
        return 4
    span = re.match(r"(@?)(\d{0,10}):(\d{0,10})\Z", domain, re.ASCII)
    if span and (span.group(2) or span.group(3)):
        who, low, high = (gid if span.group(1) else uid), span.group(2) or span.group(3), span.group(3)
        inside = who is not None and int(low) <= who and (not high or who <= int(high))
        return (1 if span.group(1) else 0) if inside else None
    return 1 if domain.startswith("@") and domain[1:] in groups else None


def _pam_file(root: Root, name: str) -> str | None:
    places = ("/etc/pam.d/", "/usr/lib/pam.d/", "/usr/share/pam.d/")
    return next((above + name for above in places if "/" not in name and root.exists(above + name)), None)


def _enabled(root: Root, name: str) -> dict[str, Any]:
    """Tell whether a service's session part comes to pam_limits, through any file it includes."""
    ahead, seen = [name], set()
    while ahead:
        one = ahead.pop()
        path = None if one in seen else _pam_file(root, one)
        seen.add(one)
        for what, arguments in parse_pam(text_of(root.text(path))) if path else []:
            if what == "pam_limits.so":
                conf = [word[5:] for word in arguments if word.startswith("conf=")]
                return {"enabled": True, "conf": conf[-1] if conf else None}
            if what == "include":
                ahead += arguments
    return {"enabled": False, "conf": None}
