# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what an idle connection costs in memory, by program and state: the figures of docs/memory.md and _model/memory.py.

usage: python tests/bench/memory.py [--repeats N] [--only PROGRAM ...] [--docs]      (as root; nothing outlives it)

One process is client and backend at once and watches its sockets with nothing that stays in the kernel, so what the kernel holds
beyond the bare ends is the program's doing. It runs in network, process and mount namespaces of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import select
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

from ansible_collections.c10m.front_tier.plugins.module_utils._model import memory

INSIDE = "FT_BENCH_MEMORY_INSIDE"
DOCS = Path(__file__).resolve().parents[2] / "docs/memory.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
BACKEND = ("127.0.0.1", 9000)
TUNNEL, HTTP, TLS = 8001, 8002, 8003
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=3600\r\n%s\r\nok"
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
# Caches of file systems and the like: what the rest of the machine does.
FOREIGN = ("ext4", "ovl", "buffer_head", "radix", "proc_", "shmem", "inode_cache", "kernfs", "btrfs", "jbd2", "xfs", "maple", "vma_lock")
# Caches that the machine's files use too: of these, a socket has one object.
SHARED = ("dentry", "lsm_inode_cache")
STACK = 16 << 10
SETTLED = 64 << 10

HAPROXY = """
global
    maxconn {table}
defaults
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    timeout http-request 1h
    timeout http-keep-alive 1h
    http-reuse never
listen tunnel
    mode tcp
    bind 127.0.0.1:8001
    server backend 127.0.0.1:9000
listen http
    mode http
    bind 127.0.0.1:8002
    bind 127.0.0.1:8003 ssl crt {folder}/both.pem
    server backend 127.0.0.1:9000 pool-max-conn 0
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections {table}; }}
http {{
    access_log off;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:8002;
        listen 127.0.0.1:8003 ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location = /file {{ root {folder}; }}
        location / {{
            proxy_pass http://127.0.0.1:9000;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            proxy_read_timeout 1h;
        }}
    }}
}}
stream {{
    server {{ listen 127.0.0.1:8001; proxy_pass 127.0.0.1:9000; proxy_timeout 1h; }}
}}
"""
VARNISH = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "9000"; .first_byte_timeout = 1h; .between_bytes_timeout = 1h; }}
sub vcl_recv {{
    if (req.url == "/upgrade") {{ return (pipe); }}
    if (req.url == "/wait") {{ return (pass); }}
    return (hash);
}}
sub vcl_pipe {{
    set bereq.http.Upgrade = req.http.Upgrade;
    set bereq.http.Connection = req.http.Connection;
}}
"""
PROGRAMS: dict[str, tuple[str, list[str]]] = {
    "haproxy": (HAPROXY, ["haproxy", "-db", "-q", "-f", "{folder}/conf"]),
    "nginx": (NGINX, ["nginx", "-p", "{folder}", "-c", "{folder}/conf"]),
    "varnish": (
        VARNISH,
        ["varnishd", "-F", "-j", "none", "-T", "none", "-a", "127.0.0.1:8002", "-f", "{folder}/conf", "-n", "{folder}/varnish"]
        + ["-s", "malloc,64m", "-p", "timeout_idle=3600", "-p", "pipe_timeout=3600"],
    ),
    "none": ("", []),
}
MANY, FEWER = (2000, 4000, 6000), (500, 1000, 2000)  # handshakes and threads take their time


class State(NamedTuple):
    """A program and a state of its connections. request: sent once; held: no reply comes, the backend keeps the request."""

    program: str
    name: str
    ends: int
    port: int
    request: bytes
    held: bool = False
    tls: bool = False
    points: tuple[int, ...] = MANY


def get(path: str, *headers: str) -> bytes:
    """Return a request as small as HTTP/1.1 has them."""
    return "\r\n".join(["GET %s HTTP/1.1" % path, "Host: here", *headers, "", ""]).encode()


IDLE, WAIT, PING = get("/idle"), get("/wait"), b"ping\n"
BULK = PING * 9600  # more than the buffers of both directions
# The key and its answer of RFC 6455, 1.3.
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = get("/upgrade", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
STATES = [
    State("none", "two bare ends", 1, BACKEND[1], b"", held=True),
    State("haproxy", "client idle after a request", 1, HTTP, IDLE),
    State("haproxy", "client idle after a request, TLS", 1, TLS, IDLE, tls=True, points=FEWER),
    State("haproxy", "TCP tunnel, unused", 2, TUNNEL, b"", held=True),
    State("haproxy", "TCP tunnel, after 5 bytes each way", 2, TUNNEL, PING),
    State("haproxy", "TCP tunnel, after 48 kB each way", 2, TUNNEL, BULK),
    State("haproxy", "upgraded (WebSocket)", 2, HTTP, UPGRADE),
    State("haproxy", "upgraded (WebSocket), TLS", 2, TLS, UPGRADE, tls=True, points=FEWER),
    State("haproxy", "request waits for the backend", 2, HTTP, WAIT, held=True),
    State("nginx", "client idle after a file", 1, HTTP, get("/file")),
    State("nginx", "client idle after a proxied request", 1, HTTP, IDLE),
    State("nginx", "client idle after a file, TLS", 1, TLS, get("/file"), tls=True, points=FEWER),
    State("nginx", "TCP tunnel (stream), unused", 2, TUNNEL, b"", held=True),
    State("nginx", "TCP tunnel (stream), after 5 bytes each way", 2, TUNNEL, PING),
    State("nginx", "TCP tunnel (stream), after 48 kB each way", 2, TUNNEL, BULK),
    State("nginx", "upgraded (WebSocket)", 2, HTTP, UPGRADE),
    State("nginx", "upgraded (WebSocket), TLS", 2, TLS, UPGRADE, tls=True, points=FEWER),
    State("nginx", "request waits for the backend", 2, HTTP, WAIT, held=True),
    State("varnish", "client idle after a hit", 1, HTTP, IDLE),
    State("varnish", "piped (WebSocket): a thread each", 2, HTTP, UPGRADE, points=FEWER),
    State("varnish", "fetch waits for the backend: two threads each", 2, HTTP, WAIT, held=True, points=FEWER),
]


class Holder:
    """Client and backend in one: opens connections one after the other, answers them, keeps their descriptors."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.kept: list[int] = []
        self.listener = socket.create_server(BACKEND, backlog=64)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def serve(self) -> None:
        """Take one connection as the backend, and answer it as its request says."""
        sock = self.listener.accept()[0]
        if not self.state.request:
            self.kept.append(sock.detach())
            return
        request = sock.recv(4096)
        while request[:5] == PING and len(request) < len(self.state.request):
            request += sock.recv(4096)
        if b" /idle " in request:
            with sock:
                sock.sendall(HTTP_OK % b"Connection: close\r\n")
            return
        if not self.state.held:
            sock.sendall(SWITCHED if b" /upgrade " in request else request)
        self.kept.append(sock.detach())

    def add(self) -> None:
        """Open one connection through the program, and bring it to its state."""
        sock = socket.create_connection(("127.0.0.1", self.state.port), 30)
        if self.state.tls:
            sock = self.context.wrap_socket(sock)
        if self.state.request:
            sock.sendall(self.state.request)
        sock.setblocking(False)
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(self.listener, select.POLLIN)
        reply = b""
        while True:
            ready = dict(poll.poll(30000))
            if self.listener.fileno() in ready:
                self.serve()
                if self.state.held:
                    break
            elif sock.fileno() not in ready:
                raise SystemExit(f"{self.state}: nothing came")
            else:
                try:
                    reply += sock.recv(4096)
                except ssl.SSLWantReadError:  # a session ticket
                    continue
                if reply[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 101") or reply == self.state.request:
                    break
                if not reply or not self.state.request.startswith(reply):
                    raise SystemExit(f"{self.state}: unexpected reply {reply!r}")
        self.kept.append(sock.detach())

    def close(self) -> None:
        """Close all that is kept."""
        self.listener.close()
        for descriptor in self.kept:
            os.close(descriptor)


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                parents[int(name)] = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def fields(path: Path, wanted: dict[str, str]) -> dict[str, int]:
    """Return {name: bytes} of the kB lines of a file of /proc, under names of our own."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {wanted[line[0][:-1]]: int(line[1]) << 10 for line in lines if line[0][:-1] in wanted}


def program_memory(pid: int | None) -> dict[str, int]:
    """Return a program's open files, and the bytes of its own: anonymous memory (shared pages divided) and page tables."""
    total = {"anon": 0, "tables": 0, "descriptors": 0}
    for one in family(pid) if pid else []:
        found = dict(fields(Path(f"/proc/{one}/smaps_rollup"), {"Pss_Anon": "anon"}), descriptors=len(os.listdir(f"/proc/{one}/fd")))
        found.update(fields(Path(f"/proc/{one}/status"), {"VmPTE": "tables"}))
        total = {name: total[name] + found.get(name, 0) for name in total}
    return total


def settled(pid: int | None) -> dict[str, int]:
    """Return program_memory() when it no longer changes: allocators give memory back after a while."""
    time.sleep(1)
    seen = [program_memory(pid)]
    for _dummy in range(30):
        time.sleep(0.5)
        seen.append(program_memory(pid))
        last = [one["anon"] for one in seen[-4:]]
        if len(last) == 4 and max(last) - min(last) <= SETTLED:
            break
    return seen[-1]


def slabs() -> dict[str, tuple[int, float]]:
    """Return {cache: (objects in use, bytes of slab pages for each)}, and the kernel's stacks as if they were one."""
    found = {}
    for line in Path("/proc/slabinfo").read_text().splitlines()[2:]:
        row = line.split()
        if not row[0].startswith(FOREIGN):
            found[row[0]] = (int(row[1]), int(row[5]) * resource.getpagesize() / int(row[4]))
    stacks = fields(Path("/proc/meminfo"), {"KernelStack": "stacks"})["stacks"]
    return dict(found, **{"kernel stack": (stacks // STACK, float(STACK))})


def kernel_memory() -> dict[str, float]:
    """Return the number of objects in use by cache."""
    found = {name: float(count) for name, (count, _each) in slabs().items()}
    return dict(found, **{name: found["sock_inode_cache"] for name in SHARED if name in found})


@contextlib.contextmanager
def running(program: str, table: int) -> Iterator[int | None]:
    """Run a program for at most `table` connections; give its process id."""
    with tempfile.TemporaryDirectory(prefix="ft-memory-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "file").write_text("ok")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=here"]
        command += ["-days", "2", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
        text, arguments = PROGRAMS[program]
        (folder / "conf").write_text(text.format(folder=folder, table=table))
        if not arguments:
            yield None
            return
        process = subprocess.Popen(
            [one.format(folder=folder) for one in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        for _dummy in range(300):
            time.sleep(0.1)
            if process.poll() is not None:
                raise SystemExit(f"{program} ended: {process.stderr and process.stderr.read().decode()!r}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", HTTP), 1):
                break
        time.sleep(1)
        yield process.pid


def measure(state: State) -> dict[str, dict[str, float]]:
    """Return {program, first half, kernel} for each connection more: bytes, bytes, and objects by cache."""
    table = 19000 if state.program == "nginx" else 9500
    with running(state.program, table) as pid, contextlib.closing(Holder(state)) as holder:
        seen = []
        for count in state.points:
            while len(holder.kept) < count * (2 if state.ends == 2 or state.program == "none" else 1):
                holder.add()
            seen.append((settled(pid), kernel_memory()))

        def slope(first: dict[str, float], last: dict[str, float], begin: int, end: int) -> dict[str, float]:
            return {name: (last[name] - first.get(name, 0)) / (state.points[end] - state.points[begin]) for name in last}

        opened = seen[-1][0]["descriptors"] - seen[0][0]["descriptors"]
        if pid and opened != state.ends * (state.points[-1] - state.points[0]):
            raise SystemExit(f"{state}: its processes hold {opened} ends more")
        return {
            "program": slope(dict(seen[0][0]), dict(seen[-1][0]), 0, -1),
            "first half": slope(dict(seen[0][0]), dict(seen[1][0]), 0, 1),
            "kernel": slope(seen[0][1], seen[-1][1], 0, -1),
        }


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each name."""
    return {name: statistics.median(one.get(name, 0.0) for one in runs) for name in runs[0]}


def table_slot(program: str, sizes: tuple[int, int]) -> float:
    """Return the bytes that a program takes at its start for each place in its table of connections."""
    seen = []
    for size in sizes:
        with running(program, size) as pid:
            seen.append(settled(pid)["anon"])
    return (seen[1] - seen[0]) / (sizes[1] - sizes[0])


def row_of(state: State, runs: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    """Return a state's figures: medians of the repeats, and how far apart these lie."""
    program, half, kernel = (middle([run[part] for run in runs]) for part in ("program", "first half", "kernel"))
    sizes = {name: each for name, (_count, each) in slabs().items()}
    # A cache that gained less than an object for every second connection did not grow with the connections.
    grown = {name: round(count * sizes[name]) for name, count in kernel.items() if count >= 0.5}
    spread = [run["program"]["anon"] for run in runs]
    return {
        "program": state.program,
        "state": state.name,
        "ends": state.ends,
        "anon": round(program["anon"]),
        "least": round(min(spread)),
        "most": round(max(spread)),
        "first_half": round(half["anon"]),
        "tables": round(program["tables"]),
        "kernel": sum(grown.values()),
        "beyond": sum(grown.values()) - state.ends * (memory.DIALLED_END + memory.ACCEPTED_END),
        "caches": grown,
    }


def version(program: str) -> str:
    """Return what Debian calls the installed version of a program."""
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", program], stdout=subprocess.PIPE, text=True, check=True)
    return f"{program} {found.stdout}"


def tabled(report: dict[str, object], rows: list[dict[str, object]]) -> str:
    """Return the report as it stands in docs/memory.md."""
    lines = [
        "| program | state | ends it holds | its own memory | repeats | page tables | kernel, beyond bare ends |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["program"] != "none":
            lines.append("| {program} | {state} | {ends} | **{anon}** | {least}–{most} | {tables} | {beyond} |".format(**row))
    for program, each in sorted(dict(report["table_slots"]).items()):  # type: ignore[call-overload]
        lines.append(f"| {program} | at its start, for each place in its table | | {each} | | | |")
    bare = [dict(row["caches"]) for row in rows if row["program"] == "none"]  # type: ignore[call-overload]
    said = "".join("; ".join(f"{name} {each}" for name, each in caches.items()) for caches in bare)
    lines += ["", f"Two bare ends on one host: {sum(sum(caches.values()) for caches in bare)} bytes ({said})."] if bare else []
    return "\n".join([*lines, "", f"Measured {report['when']} on {report['where']}, {report['repeats']} repeats."])


def inside(repeats: int, only: list[str], docs: bool) -> None:
    """Measure every state, repeat by repeat, and say it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in (("ip_local_port_range", "10000 65535"), ("tcp_max_tw_buckets", "0")):
        Path("/proc/sys/net/ipv4", name).write_text(value)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    states = [state for state in STATES if not only or state.program in only]
    runs: dict[State, list[dict[str, dict[str, float]]]] = {state: [] for state in states}
    for repeat in range(repeats):
        for state in states:
            runs[state].append(measure(state))
            own = runs[state][-1]["program"]["anon"]
            print(f"{repeat + 1} {state.program}, {state.name}: {own:.0f}", file=sys.stderr, flush=True)
    names = sorted({state.program for state in states} - {"none"})
    slots: dict[str, Callable[[], float]] = {
        "haproxy": lambda: table_slot("haproxy", (2000, 9500)),
        "nginx": lambda: table_slot("nginx", (4000, 19000)),
    }
    rows = [row_of(state, runs[state]) for state in states]
    huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    report: dict[str, object] = {
        "when": time.strftime("%Y-%m-%d"),
        "where": "; ".join([f"Linux {platform.release().split('-')[0]} {platform.machine()}", *map(version, names)])
        + (f"; transparent huge pages {huge.read_text().strip()}" if huge.exists() else ""),
        "repeats": repeats,
        "table_slots": {name: round(statistics.median(slots[name]() for _dummy in range(repeats))) for name in names if name in slots},
    }
    print(json.dumps(dict(report, rows=rows), indent=1))
    text = tabled(report, rows)
    print(text)
    if docs:
        head, _begin, rest = DOCS.read_text().partition(BEGIN)
        DOCS.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def main() -> None:
    """Enter namespaces that end with this process, then measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=sorted(PROGRAMS), default=[])
    parser.add_argument("--docs", action="store_true", help="write the table into docs/memory.md")
    options = parser.parse_args()
    if os.environ.get(INSIDE):
        inside(options.repeats, options.only, options.docs)
        return
    missing = [name for name in ("haproxy", "nginx", "varnishd", "openssl", "unshare", "ip") if not shutil.which(name)]
    if missing or os.geteuid():
        raise SystemExit("needs root and: " + " ".join(missing or ["root"]))
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv]
    os.execvpe(command[0], command, dict(os.environ, **{INSIDE: "1"}))


if __name__ == "__main__":
    main()
