#!/usr/bin/python
# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold real TCP connections, and count them on both sides."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connection_probe
short_description: Hold real TCP connections, and count them on both sides
version_added: 1.0.0
description:
  - Listens, or opens as many connections along paths as are predicted, holds them, counts them, and says what stopped it.
  - It is a load tool, so it is careful. It dials only listeners of its own, which answer for the same O(run), unless O(trust_target) is
    set; it opens no more than O(cap); it leaves memory, ports and descriptors for the other work of the host.
  - A run is a parent process with as many processes as the descriptor limit asks for, in the background. It ends by itself, and whatever
    kills a part of it ends all of it. Connections are closed with RST, so that none of them stays in TIME_WAIT.
  - The action plugin shows the progress of V(holding) and V(finished) in lines that suit a terminal and a log.
extends_documentation_fragment:
  - c10m.front_tier._attributes
attributes:
  action:
    description: Says whether there is an action plugin, so that some of it runs on the controller.
    support: full
    details: The action plugin watches the run, and shows its progress.
  check_mode:
    support: full
    details: Checks all options, predicts, and opens nothing.
  diff_mode:
    support: N/A
    details: It changes nothing that lasts.
  idempotent:
    support: N/A
    details: It does not define a state of the host; a run that is under way is not started twice.
options:
  side:
    description:
      - V(listen) opens the listeners of the paths that lie on this host, accepts and holds.
      - V(dial) opens connections and holds them.
    type: str
    choices: [listen, dial]
    required: true
  state:
    description:
      - V(started) starts the run in the background and returns.
      - V(reported) says where a run is.
      - V(holding) starts the run if there is none, waits until all is dialled, and counts; the connections stay held.
      - V(finished) starts the run if it is not under way, waits for its end, and returns the result.
      - V(stopped) ends the run at once, and returns its result.
    type: str
    choices: [started, reported, holding, finished, stopped]
    default: finished
  run:
    description: The name of the run, the same on all of its hosts. A listener answers only for its own run.
    type: str
    default: proof
  paths:
    description:
      - Paths as in O(c10m.front_tier.connection_limits_info#module:paths), and beside their keys V(connections), how many to open on that
        path.
      - A path with V(bind) or V(dialer) is dialled exactly as that program does, to prove what it gets. Any other one is dialled in the way
        that stays fast to the last port.
      - A listening side opens what they dial of this host's addresses, so that both sides can be given the same paths.
    type: list
    elements: dict
    default: []
  connections:
    description:
      - How many connections to open, evenly on all paths. Without it, as many as are predicted, and on each path one more, which has to be
        refused.
      - For V(side=listen), how many to hold at most; without it, O(cap).
    type: int
  hold:
    description: How many seconds to hold the connections after the last one; for V(side=listen), how long to listen in all.
    type: float
    default: 60
  rate:
    description: How many connections to open in a second; V(0) is as fast as it goes.
    type: float
    default: 0
  trust_target:
    description: Dial whatever is there, also a service of others. O(reserve_ports) are then left to its other clients on this host.
    type: bool
    default: false
  cap:
    description: The most connections that may be asked for. Whoever wants more has to say so.
    type: int
    default: 100000
  processes:
    description: How many processes to start at least; V(0) is as many as the descriptor limit and the number of processors ask for.
    type: int
    default: 0
  timeout:
    description: How many seconds dialling may take. What is not connected by then is not held.
    type: float
    default: 600
  start:
    description:
      - When to begin to dial, in seconds since 1970, so that several hosts begin together, as well as their clocks agree.
      - V(0), or what is past, is at once.
    type: float
    default: 0
  lease:
    description:
      - The run ends when nobody asked for it for so many seconds, as after Ctrl-C or with a controller that is gone; V(0) is never.
      - Listeners also stay while a connection is held.
      - With V(state=finished) and an action that watches, 30 if not given.
    type: float
    default: 0
  reserve_memory:
    description:
      - The memory that stays for the other work of the host, such as V(1.5G). Without it, a tenth of it all, and at least 256 MiB.
      - At that point dialling stops; at the half of it, the run ends.
    type: str
  reserve_ports:
    description:
      - How many ports stay for others where others may use the same ones.
      - With V(bind=plain) of each source, with O(trust_target) of each source and listener.
    type: int
    default: 1000
  reserve_files:
    description: How many files of C(fs.file-max) stay for the other work of the host.
    type: int
    default: 10000
author:
  - The c10m.front_tier contributors (@c10m)
seealso:
  - module: c10m.front_tier.connection_limits_info
"""

EXAMPLES = r"""
- name: Listen on a server
  c10m.front_tier.connection_probe:
    side: listen
    state: started
    paths: [{destinations: [10.0.9.10], ports: [9000]}]
    hold: 300

- name: See that a client holds as many connections to it as are predicted
  c10m.front_tier.connection_probe:
    side: dial
    paths: [{sources: [10.0.0.2, 10.0.0.3], destinations: [10.0.9.10], ports: [9000], dialer: haproxy}]
    hold: 10
"""

RETURN = r"""
phase:
  description:
    - Where the run is. V(waiting) for its start, V(dialling), V(holding), V(listening), V(closing), V(ended) or V(failed).
    - V(checked) in check mode, V(none) where there is nothing to stop.
  returned: success
  type: str
  sample: ended
asked:
  description: How many connections were asked for.
  returned: when dialling
  type: int
  sample: 20003
memory_allows:
  description: How many connections the memory holds beside O(reserve_memory), both ends where the other one is on this host too.
  returned: in check mode when dialling
  type: int
  sample: 2700000
held_at:
  description: When the last one was dialled, or accepted so far, in seconds since 1970.
  returned: when there is a run
  type: float
  sample: 1795478913.5
held:
  description: How many are held, or were when it ended.
  returned: when there is a run
  type: int
  sample: 20000
lost:
  description: How many the other end closed while they were held.
  returned: when there is a run
  type: int
  sample: 0
paths:
  description:
    - Each path with what was C(asked) and C(predicted), C(at_most) with what chance may add, what is C(held) by the dialler's count
      and by the kernel's (C(kernel)), C(lost), and where less was held than asked, the first C(refusal) with its error, the limit that it
      names and the finding that says more.
  returned: when dialling
  type: list
  elements: dict
  sample:
    - sources: [10.0.0.2]
      destinations: [10.0.9.10]
      ports: [9000]
      bind: no_port
      dialer: haproxy
      asked: 28233
      predicted: 28232
      at_most: 28232
      held: 28232
      kernel: 28232
      lost: 0
      refusal: {error: EADDRNOTAVAIL, limit: net.ipv4.ip_local_port_range, finding: FT108, message: "...", seconds: 1.9}
listeners:
  description: Each listener with what it holds by its own count and (C(kernel)) by the kernel's.
  returned: when listening
  type: list
  elements: dict
  sample: [{destinations: [10.0.9.10], ports: [9000], held: 28232, kernel: 28232, lost: 1}]
rate:
  description: Connections a second, while it dialled.
  returned: when dialling
  type: int
seconds:
  description: How long dialling took.
  returned: when dialling
  type: float
connect:
  description: Median and 99th percentile of the time of a connect, in seconds, of one in 32 of them, right to a sixteenth.
  returned: when all is dialled
  type: dict
  sample: {median: 0.00005, p99: 0.0004}
memory:
  description:
    - Bytes for each connection held. C(kernel) is the growth of the slab of the whole machine, so it holds the other end too where that is
      on this machine; C(processes) is that of the probe; C(available) is what the machine has less of.
  returned: when all is dialled
  type: dict
  sample: {kernel: 4100, processes: 60, available: 3900}
losses:
  description: What the kernel counted meanwhile of retransmits, and of connections that listeners of this host dropped.
  returned: when all is dialled
  type: dict
  sample: {RetransSegs: 0, ListenDrops: 0}
processes:
  description: How many processes the run has.
  returned: when there is a run
  type: int
closed:
  description: How connections were closed; V(reset) is RST, which leaves no TIME_WAIT. None while they are held.
  returned: when there is a run
  type: str
  sample: reset
note:
  description: Why it ended, where it did not end as it should.
  returned: when there is a run
  type: str
"""

from ansible_collections.c10m.front_tier.plugins.module_utils._ansible.probe import run  # noqa: E402


def main() -> None:
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
