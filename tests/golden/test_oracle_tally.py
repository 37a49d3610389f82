# SPDX-License-Identifier: Apache-2.0
"""The comparison itself: what counts, what is taken out, what makes it fail."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import alike  # noqa: E402
import fields  # noqa: E402
import flows  # noqa: E402
from tally import Tally  # noqa: E402


@pytest.fixture
def tally(tmp_path):
    path = tmp_path / "reasons.tsv"
    path.write_text("# a remark\n"
                    "R\ta.pcap\tlabel\t*\tx\texcluded\tit is wrong\n"
                    "R\ta.pcap\t*\tflow 2\t*\tdiffers\tours is less\n"
                    "R\t*\tnames\t*\t*\tuncovered\tno field\n"
                    "R\tb.pcap\tlabel\t*\t*\tdiffers\tnothing does\n")
    return Tally(path)


def count(tally, agree, **other):
    for i in range(agree):
        tally.check("R", "label", "c.pcap", "flow", "label", i, i, True)
    for name, n in other.items():
        flow, theirs = {"excluded": ("flow 1", "x"), "differ": ("flow 2", "y"), "bare": ("flow 3", "z")}[name]
        for _ in range(n):
            tally.check("R", "label", "a.pcap", flow, "label", theirs, "w", False)


def test_excluded_is_out_of_the_figure_and_a_reason_is_not(tally):
    count(tally, 97, excluded=2, differ=3)
    row = tally.rows[("R", "label")]
    assert (row.agree, row.compared(), row.excluded) == (97, 100, 2)
    assert tally.failures(True) == []
    assert tally.unused_reasons() == [("R", "*", "names", "*", "*"), ("R", "b.pcap", "label", "*", "*")]


def test_what_has_no_counterpart_is_counted_apart(tally):
    tally.check("R", "names", "d.pcap", "flow", "names", "n", "", False)
    assert tally.rows[("R", "names")].compared() == 0
    assert tally.uncovered[("R", "names", "names", "no field")] == 1


@pytest.mark.parametrize("agree,other,strict,fails", [
    (94, {"differ": 6}, False, "94.0 % agree"), (95, {"differ": 5}, False, ""), (96, {"excluded": 4}, False, "4.0 % are excluded"),
    (99, {"bare": 1}, False, ""), (99, {"bare": 1}, True, "1 differences without a reason")])
def test_failures(tally, agree, other, strict, fails):
    count(tally, agree, **other)
    said = "\n".join(tally.failures(strict))
    assert fails in said and bool(said) == bool(fails)


def test_tables_are_complete(tmp_path):
    broken = tmp_path / "reasons.tsv"
    for line in ("R\ta\tlabel\t*\t*\texcluded\n", "R\ta\tlabel\t*\t*\tperhaps\twhy\n", "R\ta\tlabel\t*\t*\texcluded\t\n"):
        broken.write_text(line)
        with pytest.raises(SystemExit):
            Tally(broken)
    assert fields.Fields("arkime-fields.tsv").find("cert.remainingDays").ours == ()
    assert fields.Fields("ndpi-fields.tsv").find("what nobody has seen") is None


@pytest.mark.parametrize("how,theirs,ours,same", [
    (alike.host, "WWW.Example.com:80", ["www.example.com"], True), (alike.host, "a.example", ["b.a.example"], False),
    (alike.host, "x" * 79, ["x" * 90], True), (alike.host, "x" * 20, ["x" * 90], False),
    (alike.address, "010.000.00.003", ["10.0.0.3"], True), (alike.address, "2001:db8:0:0::1", ["2001:db8::1"], True),
    (alike.rdn, "Example Inc", ["CN=a,O=Example Inc,C=US"], True), (alike.rdn, "Example", ["CN=a,O=Example Inc,C=US"], False),
    (alike.uri, "h.example/a?b", ["/a?b"], True), (alike.uri, "h.example/a?b", ["/a?c"], False),
    (alike.hexadecimal, "00:e7:fe", ["E7FE"], True), (alike.tls_version, "TLSv1.2", ["TLSv12"], True),
    (alike.tls_version, "TLSv1", ["TLSv12"], False), (alike.number, "300", [300.0], True),
    (alike.subject, "é", ["=?iso-8859-1?Q?=E9?="], True)])
def test_alike(how, theirs, ours, same):
    assert how(theirs, ours) == same


def test_ends():
    assert flows.end("[2600:1900:4160:5999::19::]", 3) == flows.end("2600:1900:4160:5999:0:19::", 3)
    a, b = flows.end("10.0.0.2", 8), flows.end("10.0.0.1", 0)
    assert flows.key_of("ICMP6", a, b) == ("icmp", ("10.0.0.1", 0), ("10.0.0.2", 0))
    assert flows.key_of("TCP", a, b) == flows.key_of("tcp", b, a)
