# SPDX-License-Identifier: Apache-2.0
"""How a value of theirs and values of ours are held against each other. The names stand in the field tables.

Each takes their value as text and our values, and says whether one of ours is the same thing in other clothes."""
import email.header
import ipaddress
import re

NTP_MODES = {"symmetricactive": "1", "symmetricpassive": "2", "client": "3", "server": "4", "broadcast": "5", "control": "6"}
TLS_OLD = {"tls1": "tlsv1", "tlsv10": "tlsv1", "ssl3": "sslv3", "ssl2": "sslv2", "tlsv1.0": "tlsv1"}


def squeezed(value):
    """Words differ in case and in what joins them: "ColdRestart", "COLD_RESTART"."""
    return re.sub(r"[-_ :]", "", str(value)).lower()


def plain(theirs, ours):
    return squeezed(theirs) in {squeezed(o) for o in ours}


def exact(theirs, ours):
    return str(theirs) in {str(o) for o in ours}


def within(theirs, ours):
    return any(squeezed(theirs) in squeezed(o) for o in ours)


def host_text(name):
    name = re.sub(r":\d+$", "", str(name).lower().rstrip("."))
    if not name.isascii() and "\ufffd" not in name:
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            pass
    if "__msbrowse__" in name:  # NetBIOS has bytes around it
        return "__msbrowse__"
    # Bytes that are no text: an escape of ours or of tshark's, a sign for each or for all of them.
    return "" if name in ("<root>", "root") else re.sub(r"(\\x[0-9a-f]{2}|\\\d{3}|[^\x21-\x7e]|\?)+", "?", name)


def host(theirs, ours):
    """Some cut a name at 79 characters, lower it, and put a sign for what cannot be printed."""
    wanted = host_text(theirs)
    return any(host_text(o) == wanted or (len(wanted) >= 79 and host_text(o).startswith(wanted)) for o in ours)


def address_text(value):
    text = re.sub(r"\b0+(\d)", r"\1", str(value)) if re.fullmatch(r"[\d.]+", str(value)) else str(value)
    try:
        return ipaddress.ip_address(text).compressed
    except ValueError:
        return re.sub(r"[-:.]", "", text).lower()


def address(theirs, ours):
    return address_text(theirs) in {address_text(o) for o in ours}


def rdn(theirs, ours):
    """One value of a distinguished name."""
    def bare(text):
        return re.sub(r"[\\\s]", "", str(text)).lower()
    return any(re.search(r"(^|[,+])[^=,+]+=" + re.escape(bare(theirs)) + r"($|[,+])", bare(o)) for o in ours)


def milliseconds(theirs, ours):
    return int(theirs) in {int(float(o) * 1000) for o in ours}


def hexadecimal(theirs, ours):
    return squeezed(theirs).lstrip("0") in {squeezed(o).lstrip("0") for o in ours}


def path(theirs, ours):
    return str(theirs) in {str(o).split("?", 1)[0] for o in ours}


def uri(theirs, ours):
    """HOST/PATH where ours is /PATH or the whole URL; cut by them at some length."""
    return any(str(theirs).endswith(str(o)) or str(o).endswith("//" + str(theirs)) or
               ("/" in str(theirs) and len(str(theirs)) > 200 and str(o).startswith("/" + str(theirs).split("/", 1)[1]))
               for o in ours if o)


def last_hex(theirs, ours):
    found = re.search(r"0x([0-9a-f]+)$", str(theirs))
    return bool(found) and int(found.group(1), 16) in {int(o) for o in ours}


def last_number(theirs, ours):
    """Of protocol/source/id."""
    return str(theirs) in {str(o).rsplit("/", 1)[-1] for o in ours}


def dns_class(theirs, ours):
    return plain({"IN": "C_INTERNET", "CH": "C_CHAOS", "ANY": "C_ANY"}.get(theirs, theirs), ours)


def dns_type(theirs, ours):
    """Zeek's word for all types is "*"."""
    return plain({"ANY": "*"}.get(theirs, theirs), ours)


def ntp_mode(theirs, ours):
    return NTP_MODES.get(squeezed(theirs), squeezed(theirs)) in {str(o) for o in ours}


def ntp_stratum(theirs, ours):
    word = squeezed(theirs)
    numbers = {int(o) for o in ours}
    if word == "secondary":
        return any(2 <= n <= 15 for n in numbers)
    return {"unspecified": 0, "primary": 1, "unsynchronized": 16}.get(word, int(word) if word.isdigit() else -1) in numbers


def snmp_version(theirs, ours):
    return squeezed(theirs).rstrip("c") in {str(o).rstrip("c") for o in ours}


def tls_text(value):
    text = re.sub(r"[ .]", "", str(value).lower())
    return TLS_OLD.get(text, text)


def tls_version(theirs, ours):
    return tls_text(theirs) in {tls_text(o) for o in ours}


def first(theirs, ours):
    """A list of theirs, of which ours names one: compared by whoever holds the list."""
    return any(squeezed(o) in squeezed(theirs) for o in ours)


def word(theirs, ours):
    """Remarks stand behind it: "7c02dbae... (WEAK)"."""
    return plain(str(theirs).split(" ")[0], ours)


def cut(theirs, ours):
    """Theirs ends at a length, or where a character cannot be printed."""
    return any(squeezed(o).startswith(squeezed(theirs)) for o in ours)


def cipher(theirs, ours):
    return any(squeezed(o) in (squeezed(theirs), squeezed("TLS_" + str(theirs))) for o in map(str, ours))


def ja4_core(text):
    """JA4 without the letter for the name and the two of the protocol. nDPI of that time wrote `d` also where no name was
    sent (the specification: `i`), took the first two letters of the protocol where the specification takes the
    first and the last, and hashed an empty list of extensions, for which the specification writes zeros."""
    text = str(text).replace("_e3b0c44298fc", "_000000000000")
    return text[:3] + text[4:8] + text[10:] if len(text) == 36 else text


def ja4_of_ndpi(theirs, ours):
    return ja4_core(theirs) in {ja4_core(o) for o in ours}


def name_of_ndpi(theirs, ours):
    """"C=DE, ST=Munich": the parts in the other order, cut at a length."""
    parts = {squeezed(p) for p in re.split(r", (?=\w+=)", str(theirs))}
    return any(sum(p in squeezed(o).replace("\\", "") for p in parts) >= max(1, len(parts) - 1) for o in ours)


def names_of_ndpi(theirs, ours):
    known = {squeezed(o) for o in ours}
    return all(squeezed(n) in known or within("CN=" + n, ours) for n in str(theirs).split(",") if n)


def number(theirs, ours):
    def of(value):
        try:
            return float(value)
        except ValueError:
            return str(value)
    return of(theirs) in {of(o) for o in ours}


def one_number(theirs, ours):
    """Ours is protocol/source/id, theirs a list."""
    return bool(set(str(theirs).split()) & {str(o).rsplit("/", 1)[-1] for o in ours})


def one_source(theirs, ours):
    """Ours is protocol/source or protocol/source/id, theirs a list."""
    return bool({address_text(t) for t in str(theirs).split()} & {address_text(str(o).split("/")[1]) for o in ours})


def listed(theirs, ours):
    """Theirs is a list in one text."""
    return all(plain(one, ours) for one in str(theirs).split(","))


def subject(theirs, ours):
    """Ours is as it came (RFC 2047)."""
    def decoded(text):
        try:
            parts = email.header.decode_header(text)
            return squeezed("".join(p if isinstance(p, str) else p.decode(c or "latin-1", "replace") for p, c in parts))
        except (LookupError, ValueError):
            return squeezed(text)
    wanted = squeezed(theirs)
    return any(decoded(o) == wanted or (len(o) >= 255 and wanted.startswith(decoded(o)[:40])) for o in map(str, ours))


WHOLE = (first, one_number, one_source)  # of values that are one: which of several we name is not said


BY_NAME = {f.__name__: f for f in (plain, exact, within, host, address, rdn, milliseconds, hexadecimal, path, uri, last_hex,
                                   last_number, dns_class, dns_type, ntp_mode, ntp_stratum, snmp_version, tls_version, first, word,
                                   cut, cipher, ja4_of_ndpi, name_of_ndpi, names_of_ndpi, number,
                                   one_number, one_source, listed, subject)}
