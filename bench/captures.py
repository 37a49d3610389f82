# SPDX-License-Identifier: Apache-2.0
"""What the parts that measure the sensor share: captures out of real ones, rows, CPU and memory of a program."""
import json
import mmap
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
BULK_FILE_BYTES = 100_000
# Touched before each measurement: more than any program measured here takes.
TOUCH_BYTES = 512 << 20
PAGE_BYTES = 2 << 20
SUFFIXES = (".pcap", ".pcapng", ".trace", ".cap")


def say(text):
    print(text, file=sys.stderr, flush=True)


def skip(reason):
    print(json.dumps({"skip": reason}), flush=True)
    sys.exit(0)


def row(name, value, unit, **budget):
    """budget, better and limit as bench/run has them."""
    print(json.dumps({"name": name, "value": float(f"{value:.4g}"), "unit": unit, "better": "lower", **budget}), flush=True)


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def need(*programs):
    for program in programs:
        if not find_program(program):
            skip(f"{program} is not installed")


def work_folder(build):
    work = pathlib.Path(build).resolve() / "bench/sensor.data"
    work.mkdir(parents=True, exist_ok=True)
    return work


def build_captures(work):
    """{name: path}: "rich" holds every protocol in short connections, "bulk" the captures that carry the most bytes. Put
    together by mkpcap.c from THYMUS_TOOLS (default ../shared/tools) and THYMUS_DATA (default ../shared/data), once.
    THYMUS_BENCH_BYTES sets the size of each (default 300,000,000)."""
    need("gcc")
    tools = pathlib.Path(os.environ.get("THYMUS_TOOLS", TOP / "../shared/tools"))
    data = pathlib.Path(os.environ.get("THYMUS_DATA", TOP / "../shared/data")) / "parser-pcap"
    if not (tools / "mkpcap.c").is_file() or not data.is_dir():
        skip("mkpcap.c or the captures are not there (THYMUS_TOOLS, THYMUS_DATA)")
    size = int(os.environ.get("THYMUS_BENCH_BYTES", "300000000"))
    files = sorted(p for p in data.rglob("*") if p.suffix in SUFFIXES and p.is_file() and p.stat().st_size > 24)
    lists = {"rich": files, "bulk": [p for p in files if p.stat().st_size >= BULK_FILE_BYTES]}
    captures = {name: work / f"{name}-{size}.pcap" for name in lists}
    if all(p.exists() for p in captures.values()):
        return captures
    maker = work / "mkpcap"
    done = subprocess.run(["gcc", "-O2", "-w", str(tools / "mkpcap.c"), "-lpcap", "-o", str(maker)], stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        skip("mkpcap.c does not build (libpcap-dev)")
    for name, members in lists.items():
        say(f"sensor: putting together the {name} capture out of {len(members)}")
        unfinished = captures[name].with_suffix(".part")
        subprocess.run([str(maker), str(unfinished), str(size), "42", "300", "60"], check=True, text=True,
                       input="".join(f"1 {p}\n" for p in members), stderr=subprocess.DEVNULL)
        unfinished.rename(captures[name])
    return captures


def count(capture):
    """(packets, wire bytes) by the headers of the file, which is in the page cache then."""
    packets = wire = 0
    with open(capture, "rb") as f:
        f.seek(24)
        while len(head := f.read(16)) == 16:
            wire += int.from_bytes(head[12:16], "little")
            packets += 1
            f.seek(int.from_bytes(head[8:12], "little"), 1)
    return packets, wire


def touch_memory():
    """Free memory that the host of a virtual machine has at hand. Hosts take back what a guest does not use, within
    seconds, and finding 2 MiB again takes 4 to 7 ms, fifteen times what clearing them does: that was up to an eighth of a
    run, by chance, and no sensor that runs for days meets it."""
    child = os.fork()  # a process of its own: a program started from here would be told to have had as much
    if child > 0:
        os.waitpid(child, 0)
        return
    area = mmap.mmap(-1, TOUCH_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(mmap.MADV_HUGEPAGE)
    for at in range(0, TOUCH_BYTES, PAGE_BYTES):
        area[at] = 1
    os._exit(0)


def measure(argv):
    """(CPU seconds, peak MiB) of a program and its children, on one core."""
    core = max(os.sched_getaffinity(0))
    os.sync()  # what the one before wrote is not written out beside this one
    touch_memory()
    child = subprocess.Popen(["taskset", "-c", str(core)] + [str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):  # 3: a record of the capture could not be read
        say(f"sensor: {argv[0]} ended with {child.returncode}")
        sys.exit(1)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def read_command(build, capture, *output):
    return [build / "bin/thymus-vsensor", "--read", capture, "--no-progress", *output]
