# SPDX-License-Identifier: Apache-2.0
"""Feeds of files by real sensors that run beside the test."""
import subprocess

import spine
import verify


def count(path):
    return sum(verify.events_by_kind(path).values())


def start_feed(instance, conf, path):
    """A running one; .said() is what it said."""
    said = conf.with_suffix(f".{path.stem}.said")
    process = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf, "--feed", path], stdout=subprocess.DEVNULL,
                               stderr=said.open("wb"), stdin=subprocess.DEVNULL)
    process.said = said.read_text
    instance.others.append(process)
    return process


def says(process, text):
    spine.wait_until(f"the sensor says: {text}", lambda: text in process.said(), 30)
