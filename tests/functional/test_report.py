# SPDX-License-Identifier: Apache-2.0
"""Role report over findings: what it tells, and that no name in them, however it was chosen, can do
anything but be read."""
import base64
import hashlib
import html.parser
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("THYMUS_BUILD", ROOT / "build"))
SAMPLE = (ROOT / "tests/fixtures/findings-sample.jsonl").read_text(encoding="utf-8")
pytestmark = pytest.mark.asan

HOSTILE = [
    "<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "\" onload=\"alert(1)", "'><svg onload=a()>",
    "--></style><style>*{display:none}", "{{7*7}}", "javascript:alert(1)", "\x1b]0;pwn\x07\x1b[2J\x1b[31m", "\u202egpj.exe",
    "&lt;b&gt;", "a\u2028b\u0000c", "\ud83d\ude00" + "x" * 5000, "%s%n%d", "\r\nfake line", "\u009b31m", "<!--"]


class Page(html.parser.HTMLParser):
    """Tags and attributes of a page, and its text; complains about what is not closed."""
    VOID = {"meta", "link", "img", "br", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def report(findings, tmp_path):
    source = tmp_path / "findings.jsonl"
    source.write_text(findings, encoding="utf-8", errors="surrogatepass")
    page = tmp_path / "report.html"
    done = subprocess.run([BUILD / "tests/support/spawn_role", BUILD / "bin/thymusctl", "report",
                           f"findings<{source}", f"html>{page}"], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode(), page.read_text(encoding="utf-8")


def test_the_sample_is_told(tmp_path):
    text, page = report(SAMPLE, tmp_path)
    assert text.startswith("2 alerts in 36 hours of 78 devices.\n")
    assert text.index("ws-014 kept a command channel") < text.index("10.20.1.31 tried 212") < \
        text.index("Below the alert budget") < text.index("ws-022 tried 140")
    assert "\n     Exfiltration: 2026-01-05 14:59, ws-014.corp.example sent 8.7 GB to\n" in text
    assert "captures/monday-3.pcap: the capture ends inside packet 10,231" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\033" not in text  # not a terminal: no colour
    told = " ".join("".join(Page(page).text).split())
    for said in ("2 alerts in 36 hours of 78 devices", "sent 8.7 GB to drop.example.org in an hour",
                 "Exfiltration T1567.002", "1 in 7,700,000", "Below the alert budget",
                 "the capture ends inside packet 10,231"):
        assert said in told, said


def test_the_page_needs_nothing_and_runs_nothing(tmp_path):
    _, text = report(SAMPLE, tmp_path)
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form", "image", "use"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] in ("style", "src", "srcset")]
    assert all(v.startswith("#") for _, k, v in page.attributes if k == "href")
    assert len(page.ids) == len(set(page.ids))
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    assert not re.search(r"url\(|@import", style)
    policy = next(v for t, k, v in page.attributes if t == "meta" and "default-src" in v)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"


def test_the_page_can_be_heard(tmp_path):
    _, text = report(SAMPLE, tmp_path)
    page = Page(text)
    assert [page.tags.count(t) for t in ("h1", "main", "header")] == [1, 1, 1 + page.tags.count("article")]
    assert ("html", "lang", "en") in page.attributes
    for svg in re.findall(r"<svg[^>]*>", text):
        assert 'aria-hidden="true"' in svg or re.search(r'role="img" aria-labelledby="\S+-t \S+-d"', svg)
    labelled = {v for _, k, value in page.attributes if k == "aria-labelledby" for v in value.split()}
    assert labelled <= set(page.ids)
    for table in re.findall(r"<thead>.*?</thead>", text, re.S):
        assert len(re.findall("<th ", table)) == len(re.findall('scope="col"', table))


def poisoned(value, depth=0):
    """A record with a hostile string in each place that holds one."""
    if isinstance(value, dict):
        return {k: v if k in ("kind", "time", "start", "end", "id", "breaches") else poisoned(v, depth + 1)
                for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(v, depth + 1) for v in value]
    return poisoned.next() if isinstance(value, str) else value


def test_hostile_names_are_harmless(tmp_path):
    clean = Page(report(SAMPLE, tmp_path)[1])
    for first in range(len(HOSTILE)):
        turn = iter(range(first, 10 ** 9))
        poisoned.next = lambda turn=turn: HOSTILE[next(turn) % len(HOSTILE)]
        lines = [json.dumps(poisoned(json.loads(line))) for line in SAMPLE.splitlines()]
        text, html_text = report("\n".join(lines) + "\n", tmp_path)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]", text + html_text)
        page = Page(html_text)
        assert set(page.tags) <= set(clean.tags)
        assert {(t, k) for t, k, _ in page.attributes} <= {(t, k) for t, k, _ in clean.attributes}
        assert html_text.count("<style>") == 1
        assert not [v for _, k, v in page.attributes if k == "href" and not v.startswith("#")]


@pytest.mark.parametrize("broken", [
    "", "not json\n", "{}\n[]\n1\nnull\n", '{"kind":"summary"}\n', '{"kind":"summary","events":1e400}\n',
    '{"kind":"summary","start":5,"hours":"x","events_per_hour":[1,{"time":"x"}],"events_by_kind":[],'
    '"local_networks":{"a":1}}\n',
    '{"kind":"incident","devices":[[],1,null],"breaches":[{},"nope"],"score":-1e308,"alert":true}\n{"kind":"summary",'
    '"events":3,"alerts":-7,"threshold":1e300}\n',
    '{"kind":"breach","score":1e300,"time":"9999-99-99T99:99:99Z","evidence":[{"observed":1e308,"low":-1,'
    '"high":1e-308,"p":1e-320,"unit":"B"},5]}\n{"kind":"summary","events":3}\n',
    '{"kind":"breach","time":"1700-01-01T00:00:00Z"}\n{"kind":"breach","time":"2261-01-01T00:00:00Z"}\n'
    '{"kind":"summary","events":1,"events_per_hour":[{"time":"1700-01-01T00:00:00Z","events":1},'
    '{"time":"2261-01-01T00:00:00Z","events":-5}]}\n',
    '{"kind":"group-event","score":-1e308,"start":7,"breaches":{},"sentence":[]}\n{"kind":"group-event","sentence":"<b>\\u0007",'
    '"score":1e300,"alert":true,"breaches":[1,[]]}\n{"kind":"summary","events":3}\n',
    '{"kind":"summary","events":3}'])
def test_strange_findings_do_no_harm(tmp_path, broken):
    _, page = report(broken, tmp_path)
    if page:
        Page(page)


def test_what_a_group_did_is_told(tmp_path):
    event = {"kind": "group-event", "id": "0" * 16, "start": "2026-01-05T10:00:00Z", "end": "2026-01-05T11:00:00Z", "score": 38.2,
             "alert": True, "breaches": ["1" * 16, "2" * 16],
             "sentence": "38 of 172 clients sent more to outside than usual; 36 have <i>.example in common"}
    text, page = report(json.dumps(event) + "\n" + SAMPLE.splitlines()[-1] + "\n", tmp_path)
    assert "Group events\n" in text and "38 of 172 clients" in text and "alert" in text[text.index("Group events"):]
    assert "2 breaches are part of it" in " ".join(text.split())
    assert "36 have <i>.example in common" in " ".join(Page(page).text)


def test_nothing_found_is_calm(tmp_path):
    summary = json.loads(SAMPLE.splitlines()[-1])
    summary.update(alerts=0, incidents=0, breaches=0, unread=0)
    text, page = report(json.dumps(summary) + "\n", tmp_path)
    assert text.startswith("Nothing stood out in 36 hours of 78 devices.\n")
    assert "No incident reached the threshold" in "".join(Page(page).text)


def test_more_breaches_than_are_kept(tmp_path):
    lines = []
    for i in range(51000):
        lines.append(json.dumps({"kind": "breach", "id": f"{i:016x}", "time": "2026-01-05T10:00:00Z",
                                 "device": {"id": f"d{i % 7}"}, "model": "m", "score": i % 100}))
    text, page = report("\n".join(lines + [SAMPLE.splitlines()[-1]]) + "\n", tmp_path)
    assert "58 breaches in 4 incidents" in text
    assert "weak breaches are left out" in page
