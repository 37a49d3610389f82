# SPDX-License-Identifier: Apache-2.0
"""The evaluation's own arithmetic: what counts as an alert, as found, as the same device."""
import json
import pathlib
import random
import sys

import pytest

EVALUATE = pathlib.Path(__file__).resolve().parents[3] / "lab/evaluate"
sys.path.insert(0, str(EVALUATE))

import alerts  # noqa: E402
import disguise  # noqa: E402
import match  # noqa: E402
import measure  # noqa: E402
import office  # noqa: E402
import plan  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import slips  # noqa: E402
import zeek_logs  # noqa: E402

STRENGTHS = json.loads((EVALUATE / "strengths.json").read_text())
CONFIG = json.loads((EVALUATE / "config.json").read_text())
FULL = CONFIG["full"]
SCAN = next(k for k in STRENGTHS["kinds"] if k["kind"] == "scan")


def breach(name, score, **more):
    return {"kind": "breach", "id": name, "time": "2026-03-16T10:30:00.000000Z", "end": "2026-03-16T11:00:00.000000Z",
            "device": {"id": "d1", "ip": "10.20.16.12", "mac": "00:21:9b:00:00:01", "hostname": "ws-03.corp.x.com"},
            "peer": None, "model": "internal-scan", "score": score, "rarity": score / 12.5, "tactic": "discovery",
            "evidence": [{"feature": "scan-internal"}], **more}


def incident(name, score, breaches):
    return {"kind": "incident", "id": name, "score": score, "breaches": breaches}


def findings(*objects, threshold=30, hours=3000):
    lines = [json.dumps(o) for o in objects]
    lines.append(json.dumps({"kind": "summary", "threshold": threshold, "device_hours": hours}))
    return programs.Findings(lines)


def an_attack():
    a = plan.Attack(SCAN, SCAN["strengths"][0], 0, plan.moment("2026-03-16T10:00:00Z"))
    a.device = "ws-03"
    a.truth = {"device": {"ip": "10.20.16.12", "mac": "00:21:9b:00:00:01", "hostname": "ws-03"},
               "peer": {"ip": None, "host": None}, "start": "2026-03-16T10:00:00Z", "end": "2026-03-16T11:00:00Z"}
    return a


def an_office(learned, clean, branch):
    o = office.Office(1, FULL)
    o.learned, o.clean = learned, [office.Day(clean, 1)]
    a = an_attack()
    o.branches = [office.Branch([a], branch, 0, 1)]
    return o, a


@pytest.mark.parametrize("most,cut", [(0, 50), (1, 40), (2, 30), (3, 20), (9, 0)])
def test_a_cut_allows_so_many_alerts(most, cut):
    assert measure.cut_for([([], [50]), ([], [40]), ([], [30]), ([], [20])], most) == cut


def test_an_incident_alerts_once_while_it_grows():
    rises = [([], [40]), ([40], [45]), ([40, 45], [45.5])]
    assert measure.alerts_at(rises, 39) == 1
    assert measure.alerts_at(rises, 42) == 1
    assert measure.alerts_at(rises, 46) == 0


def test_the_product_has_the_same_step():
    model = (EVALUATE.parents[1] / "lib/model/include/model/model.h").read_text()
    assert f"#define TH_ESCALATION {alerts.ESCALATION}\n" in model


def test_ten_times_as_rare_is_another_alert():
    assert alerts.raised([40, 52, 52.5, 64], 39) == [40, 52.5]
    assert alerts.raised([52.5], 39, [40]) == [52.5]
    assert alerts.raised([52.5], 40, [40]) == [52.5]
    assert not alerts.raised([52], 39, [40])
    assert alerts.needed(39, [38, 40, 52]) == 52.5 and alerts.needed(52, [38, 40, 52]) == 52
    in_order = findings(breach("b", 30, time="2026-03-16T12:30:00Z"), breach("a", 41), breach("c", 55, time="2026-03-16T13:30:00Z"),
                        incident("i", 57, ["c", "b", "a", "gone"]))
    assert alerts.scores(in_order.incidents["i"], in_order.breaches) == [41, 55, 57]


@pytest.mark.parametrize("best,found", [(72, False), (73, True)])
def test_an_attack_that_makes_an_older_alert_worse_is_found(best, found):
    o, _ = an_office(findings(breach("w", 60), incident("i", 60, ["w"])), findings(),
                     findings(breach("y", best), incident("i", best, ["w", "y"])))
    (case,) = measure.Measured([o], [5]).cases
    assert bool(case.at[5]) == found and case.swallowed[5] != found


def test_found_is_what_is_new_and_above_the_cut():
    o, a = an_office(findings(), findings(breach("x", 20), incident("i", 20, ["x"])),
                     findings(breach("x", 20), breach("y", 50), incident("i", 20, ["x"]), incident("j", 50, ["y"])))
    m = measure.Measured([o], [1, 5, 20])
    (case,) = m.cases
    assert case.at[5]["incidents"] == 1 and case.at[5]["right"] and case.at[5]["hours"] == 0.5
    assert not case.missed_by
    assert match.collateral(o, o.branches[0], 10) == 0
    assert a.label() == "scan/strong/100 a minute"


def test_what_the_clean_day_has_too_is_no_find():
    same = [breach("x", 60), incident("i", 60, ["x"])]
    o, _ = an_office(findings(), findings(*same), findings(*same))
    (case,) = measure.Measured([o], [5]).cases
    assert case.at[5] is None and case.missed_by == "nothing told"


def test_a_rise_of_two_points_is_a_find_a_smaller_one_is_none():
    for rise, found in ((1.5, 0), (2.5, 1)):
        o, _ = an_office(findings(), findings(breach("x", 40), incident("i", 40, ["x"])),
                         findings(breach("x", 40 + rise), incident("i", 40 + rise, ["x"])))
        assert len(match.incidents_of(o, o.branches[0], o.branches[0].attacks[0])) == found


def test_what_an_attack_sets_off_elsewhere_is_counted():
    other = {"device": {"id": "d2", "ip": "10.20.16.13", "mac": "00:21:9b:00:00:02", "hostname": "ws-04.corp.x.com"}}
    old = breach("x", 50, **other)
    o, _ = an_office(findings(), findings(old, incident("i", 50, ["x"])),
                     findings(old, breach("z", 45, **other), incident("renamed", 50, ["x"]), incident("k", 45, ["z"])))
    assert match.collateral(o, o.branches[0], 10) == 1


def test_an_older_alert_swallows():
    old = [breach("w", 60), incident("i", 60, ["w"])]
    o, _ = an_office(findings(*old), findings(), findings(breach("y", 55), incident("i", 60, ["w", "y"])))
    (case,) = measure.Measured([o], [5]).cases
    assert case.at[5] is None and case.swallowed[5]
    assert case.missed_by.startswith("joined")


def test_another_device_or_hour_tells_nothing():
    o, a = an_office(findings(), findings(), findings())
    other = breach("x", 50)
    other["device"] = {"id": "d2", "ip": "10.20.16.13", "mac": "00:21:9b:00:00:02", "hostname": "ws-04.corp.x.com"}
    assert not match.tells(other, a, {})
    assert not match.tells(breach("x", 50, time="2026-03-16T09:00:00Z"), a, {})
    assert not match.tells(breach("x", 50, time="2026-03-16T14:00:00Z"), a, {})
    assert match.tells(breach("x", 50), a, {})


def test_calibration_counts_device_hours():
    clean = findings(*[breach(f"b{k}", 40, device={"id": f"d{k}"}) for k in range(6)], hours=3000)
    o, _ = an_office(findings(), clean, findings())
    at = {c["level"]: c for c in measure.Measured([o], [5]).calibration()}
    assert at[1e-3]["count"] == 6 and at[1e-3]["ratio"] == pytest.approx(2.0)
    assert at[1e-4]["count"] == 0


def test_every_attack_has_its_place():
    for seed in FULL["judging"] + FULL["tuning"]:
        attacks = plan.attacks(STRENGTHS, FULL, CONFIG["start"], seed)
        groups, slow = plan.branches(attacks)
        assert sorted(map(id, attacks)) == sorted(id(a) for g in [*groups, slow] for a in g)
        for g in groups:
            assert len({(a.day, a.days) for a in g}) == 1
            assert g[0].day + g[0].days <= FULL["clean_days"]
            kinds = [a.kind["kind"] for a in g]
            assert "scan" not in kinds or len(g) == 1
            assert sum(k in plan.INSIDE for k in kinds) <= 1
            assert all(9 <= a.start.hour < 15 for a in g)
        assert office.slow_days(slow) == 59


def test_seeds_are_apart():
    assert not set(FULL["tuning"]) & set(FULL["judging"])
    assert not {1001, 1002, 1003, 1004} & set(FULL["tuning"] + FULL["judging"])


def test_models_and_features_exist():
    models = {p.stem for p in (EVALUATE.parents[1] / "models").glob("*.yaml")}
    features = (EVALUATE.parents[1] / "lib/learn/include/learn/features.def").read_text()
    for k in STRENGTHS["kinds"]:
        assert set(k["models"]) <= models, k["kind"]
        assert all(f'"{f}"' in features for f in k["features"]), k["kind"]


def test_the_tables_say_met_or_missed():
    o, _ = an_office(findings(), findings(), findings(breach("y", 50), incident("j", 50, ["y"])))
    text = report.markdown(measure.Measured([o], [1, 5, 20]), FULL, {"lab": []}, "judging")
    assert "| scan | strong: 100 a minute | 1/1 | 1/1 | 1/1 |" in text
    assert "met" in text and "3001" in text


RECORDS = {"conn": [{"ts": 100.0, "uid": "C1", "id.orig_h": "172.16.0.5", "id.resp_h": "10.10.10.5", "id.resp_p": 80,
                     "orig_l2_addr": "00:00:00:00:00:01", "resp_l2_addr": "00:00:00:00:00:02", "community_id": "1:x"},
                    {"ts": 101.0, "uid": "C2", "id.orig_h": "172.16.0.5", "id.resp_h": "172.16.0.9", "id.resp_p": 88}],
           "http": [{"ts": 100.1, "uid": "C1", "id.orig_h": "172.16.0.5", "id.resp_h": "10.10.10.5", "host": "10.10.10.5"}]}
DEVICES = {n: {"ip": f"10.20.16.{k}", "mac": f"00:21:9b:00:00:{k:02x}", "hostname": n}
           for k, n in enumerate(["dc-01", "ws-03", "ws-04"])}


@pytest.mark.parametrize("with_name", [True, False])
def test_a_recording_takes_a_role(tmp_path, with_name):
    d = disguise.Disguise(RECORDS, "172.16.0.5", {"10.10.10.5"}, DEVICES, "ws-03", random.Random(1), with_name)
    d.write(RECORDS, tmp_path, 5000.0, 6000.0)
    logs = {p.stem: list(zeek_logs.read_log(p)) for p in tmp_path.iterdir()}
    text = json.dumps(logs)
    assert "172.16" not in text and "10.10.10.5" not in text and "community" not in text
    web, directory = logs["conn"]
    address, name = d.of("10.10.10.5")
    assert (web["ts"], web["id.orig_h"], web["orig_l2_addr"]) == (5000.0, DEVICES["ws-03"]["ip"], DEVICES["ws-03"]["mac"])
    assert web["id.resp_h"] == address and not disguise.inside(address)
    assert directory["id.resp_h"] == DEVICES["dc-01"]["ip"]
    assert logs["http"][0]["host"] == (name or address)
    assert ("dns" in logs) == with_name
    if with_name:
        assert logs["dns"][0]["answers"] == [address] and logs["dns"][0]["ts"] < web["ts"]


def test_what_is_behind_the_day_is_left_out(tmp_path):
    d = disguise.Disguise(RECORDS, "172.16.0.5", set(), DEVICES, "ws-03", random.Random(1), False)
    assert d.write(RECORDS, tmp_path, 5000.0, 5000.5) == 2


def test_tsv_logs_are_read(tmp_path):
    (tmp_path / "conn.log").write_text("#separator \\x09\n#fields\tts\tid.orig_p\tlocal_orig\tservice\ttunnel_parents\n"
                                       "#types\ttime\tport\tbool\tstring\tset[string]\n1.5\t80\tT\t-\ta,b\n")
    assert zeek_logs.read([tmp_path], "none", tmp_path) == {
        "conn": [{"ts": 1.5, "id.orig_p": 80, "local_orig": True, "tunnel_parents": ["a", "b"]}]}


def test_a_sum_of_levels_is_of_a_device_and_an_hour():
    two = [breach("x", 50), breach("y", 37.5 / 2), breach("z", 50, end="2026-03-16T12:00:00.000000Z", tactic="exfiltration")]
    assert slips.sums(two) == {("d1", "2026-03-16"): pytest.approx(0.8 + 0.8 / 2)}  # the highest hour; 1 in 1,000 is sure
    nobodys = breach("u", 50, device=None, user={"id": "u1"}, end="2026-03-17T01:00:00.000000Z")
    assert slips.sums([nobodys]) == {("u1", "2026-03-17"): pytest.approx(0.8)}
    assert slips.cut_for([0.1, 0.9, 0.5], 1) == 0.5 and slips.cut_for([0.1], 5) == 0


def test_a_sum_finds_what_the_attack_added():
    quiet, loud = findings(breach("a", 10)), findings(breach("a", 10), breach("y", 50))
    o, a = an_office(findings(), quiet, loud)
    assert slips.found(o, o.branches[0], a, 0.5) and not slips.found(o, o.branches[0], a, 2)
    o, a = an_office(findings(), loud, loud)
    assert not slips.found(o, o.branches[0], a, 0.5)  # it was so without the attack
