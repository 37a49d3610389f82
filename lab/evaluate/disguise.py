# SPDX-License-Identifier: Apache-2.0
"""A recording in the role of an existing device of an office.

The addresses and link addresses of the recorded device become the office device's; other inside
machines become other devices: who answers for the directory or names a domain controller, the rest
workstations. The attacker outside gets an address in a hosting network and, in half of the runs, a host
name that is looked up first. All is moved to a working hour. Ids are kept; a Community ID is dropped, for
it would tell the old addresses.
"""
import ipaddress
import json

# Large hosting networks, as rented machines have them.
HOSTING = ("5.9.0.0/16", "51.15.0.0/16", "139.59.0.0/16", "45.76.0.0/16", "167.99.0.0/16", "88.198.0.0/16")
WORDS = ("harbor", "meadow", "copper", "lantern", "orchard", "summit", "willow", "ember", "quartz", "delta")
DIRECTORY = {53, 88, 389, 464, 636}
GATEWAY_MAC = "00:1c:73:10:20:01"  # the generated office's
LINK_FIELDS = {"orig_l2_addr": "id.orig_h", "resp_l2_addr": "id.resp_h"}


def inside(address):
    try:
        a = ipaddress.ip_address(address)
    except ValueError:
        return False
    return a.is_private and not a.is_loopback and not a.is_multicast and not a.is_link_local and a.version == 4


def controller(truth):
    """The truth's peer is the attacker's host outside, whatever its address in the laboratory was."""
    return "peer" in truth and ("command-and-control" in truth["tactics"] or not inside(truth["peer"]))


class Disguise:
    """Maps one recording. `devices`: the office's by name, with ip and mac; `victim`: the name of the
    one that takes the role; chance: a random.Random."""

    def __init__(self, records, victim_address, controllers, devices, victim, chance, with_name):
        self.devices, self.victim = devices, devices[victim]
        self.addresses, self.links, self.names = {}, {}, {}
        self.addresses[victim_address] = self.victim
        self.chance = chance
        ends = records.get("conn", [])
        seen = sorted({r[k] for r in ends for k in ("id.orig_h", "id.resp_h") if k in r and inside(r[k])})
        directory = {r["id.resp_h"] for r in ends if r.get("id.resp_p") in DIRECTORY}
        stations = [n for n in devices if n.startswith("ws-") and n != victim]
        chance.shuffle(stations)
        for address in seen:
            if address in self.addresses or address in controllers or address.endswith(".255"):
                continue
            if address in directory:
                self.addresses[address] = devices["dc-01"]
            elif stations:
                self.addresses[address] = devices[stations.pop()]
        for c in controllers:
            network = ipaddress.ip_network(chance.choice(HOSTING))
            name = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}{chance.randrange(100)}.com" if with_name else None
            self.names[c] = (str(network[chance.randrange(256, 65000)]), name)

    def of(self, address):
        """(new address, host name or None) of a recorded one."""
        if address in self.names:
            return self.names[address]
        d = self.addresses.get(address)
        return (d["ip"], d["hostname"]) if d else (address, None)

    def _value(self, key, v):
        if isinstance(v, list):
            return [self._value(key, x) for x in v]
        if not isinstance(v, str):
            return v
        if v in self.names:
            address, name = self.names[v]
            return name if name and key in ("host", "server_name", "query") else address
        return self.addresses[v]["ip"] if v in self.addresses else v

    def record(self, r, shift):
        out = {k: self._value(k, v) for k, v in r.items() if k != "community_id"}
        out["ts"] = r["ts"] + shift
        for link, end in LINK_FIELDS.items():
            if link in out:
                d = self.addresses.get(r.get(end))
                out[link] = d["mac"] if d else GATEWAY_MAC
        for k in ("src_mac", "dst_mac", "mac"):
            out.pop(k, None)
        return out

    def lookups(self, records, shift):
        """A question for each controller's name, just before it is first spoken to."""
        for c, (address, name) in self.names.items():
            first = next((r for r in records.get("conn", []) if r.get("id.resp_h") == c), None)
            if not name or not first:
                continue
            yield {"ts": first["ts"] + shift - 0.05, "uid": "Clookup" + str(self.chance.randrange(10 ** 9)),
                   "id.orig_h": self.of(first["id.orig_h"])[0], "id.orig_p": 40000 + self.chance.randrange(20000),
                   "id.resp_h": self.devices["dc-01"]["ip"], "id.resp_p": 53, "proto": "udp", "query": name,
                   "qtype": 1, "qtype_name": "A", "qclass": 1, "rcode": 0, "rcode_name": "NOERROR",
                   "rtt": 0.02, "answers": [address], "TTLs": [300.0]}

    def write(self, records, folder, start, end):
        """Zeek JSON logs into the folder, from `start` (seconds) on; what would be behind `end` is left
        out. The number of records."""
        times = [rs[0]["ts"] for rs in records.values() if rs]
        if not times:
            return 0
        shift, count = start - min(times), 0
        for kind, rs in records.items():
            out = [self.record(r, shift) for r in rs if r["ts"] + shift < end]
            if kind == "dns":
                out += self.lookups(records, shift)
            count += self.put(folder, kind, out)
        if "dns" not in records:
            count += self.put(folder, "dns", list(self.lookups(records, shift)))
        return count

    @staticmethod
    def put(folder, kind, records):
        records.sort(key=lambda r: r["ts"])
        if records:
            with open(folder / f"{kind}.log", "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r) + "\n" for r in records)
        return len(records)
