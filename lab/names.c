/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "base/mem.h"

#include <stdio.h>

static const char *const words[] = {"amber", "anchor", "apple", "arrow", "atlas", "autumn",
    "badger", "bakery", "bank", "barn", "beacon", "berry", "birch", "blue", "board", "book",
    "border", "bright", "bridge", "brook", "build", "cabin", "camera", "candle", "canvas", "card",
    "cargo", "castle", "cedar", "central", "chain", "city", "clear", "clinic", "cloud", "clover",
    "coast", "coffee", "copper", "coral", "corner", "cotton", "craft", "creek", "crown", "daily",
    "dance", "data", "delta", "design", "desk", "digital", "direct", "dock", "door", "dream",
    "eagle", "early", "east", "echo", "edge", "ember", "energy", "engine", "falcon", "farm", "fast",
    "feather", "fern", "field", "fire", "first", "fleet", "flint", "flow", "forest", "forge", "fox",
    "fresh", "garden", "gate", "giant", "glass", "global", "gold", "granite", "grand", "green",
    "grid", "grove", "guide", "harbour", "harvest", "haven", "health", "herald", "hill", "home",
    "honey", "horizon", "house", "hub", "insight", "iron", "island", "ivory", "jasper", "journal",
    "kettle", "key", "kite", "lake", "lamp", "land", "lark", "leaf", "learn", "legal", "letter",
    "light", "lily", "linen", "lion", "live", "local", "logic", "lumber", "maple", "marble",
    "market", "meadow", "media", "metro", "mill", "mint", "mirror", "mobile", "moon", "morning",
    "moss", "motor", "mountain", "music", "nest", "news", "night", "north", "note", "novel", "oak",
    "ocean", "office", "olive", "open", "orange", "orbit", "otter", "owl", "page", "paint", "panda",
    "paper", "park", "path", "pearl", "pepper", "photo", "pilot", "pine", "pixel", "planet", "plum",
    "point", "polar", "pond", "port", "press", "prime", "print", "proof", "pulse", "quartz",
    "quick", "quiet", "rail", "rain", "raven", "record", "red", "reef", "ridge", "river", "road",
    "robin", "rock", "rose", "royal", "ruby", "saddle", "safe", "sage", "sail", "salt", "sand",
    "school", "scout", "sea", "search", "seed", "shelf", "shell", "shop", "signal", "silver",
    "simple", "sky", "smart", "snow", "social", "solar", "south", "spark", "spice", "sport",
    "spring", "spruce", "star", "stone", "store", "storm", "story", "studio", "style", "summer",
    "sun", "swift", "table", "tail", "team", "tech", "thread", "tide", "tiger", "timber", "topaz",
    "tower", "town", "track", "trade", "trail", "travel", "tree", "trust", "tulip", "valley",
    "velvet", "view", "village", "vine", "violet", "vista", "wagon", "walnut", "water", "wave",
    "web", "west", "wheat", "white", "wild", "willow", "wind", "window", "winter", "wise", "wolf",
    "wood", "world", "yard", "yellow", "young", "zebra", "zenith"};

static const char *const onset[] = {"b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j",
    "k", "kl", "l", "m", "n", "p", "pl", "pr", "qu", "r", "s", "sc", "sh", "sk", "sl", "st", "t",
    "th", "tr", "v", "w", "z"};
static const char *const nucleus[] = {
    "a", "e", "i", "o", "u", "ai", "ea", "ee", "ia", "io", "oo", "ou", "y"};
static const char *const coda[] = {
    "", "", "", "", "l", "n", "r", "s", "t", "x", "nd", "rt", "ck", "m", "sh"};
static const char *const first_names[] = {"ada", "alan", "amira", "anders", "anna", "ben", "bruno",
    "carla", "chen", "clara", "daniel", "dora", "elena", "emil", "erik", "eva", "farid", "felix",
    "fiona", "grace", "greta", "hana", "hugo", "ines", "ivan", "jana", "jonas", "karim", "kate",
    "lars", "leila", "leo", "linda", "lucas", "maja", "mara", "marco", "maria", "martin", "mei",
    "milan", "mona", "nadia", "nils", "nina", "noah", "olga", "omar", "oscar", "paul", "petra",
    "priya", "rafael", "rosa", "ruth", "samir", "sara", "simon", "sofia", "sven", "tara", "theo",
    "tom", "vera", "victor", "wanda", "yara", "yusuf", "zoe"};
static const char *const last_ends[] = {"holt", "berg", "man", "son", "ley", "ford", "ini", "ova",
    "stein", "wood", "ski", "ez", "er", "aux", "idis", "well"};
static const char *const tlds[] = {"com", "com", "com", "com", "com", "com", "com", "com", "net",
    "net", "org", "org", "io", "de", "co.uk", "fr", "eu", "info", "ch", "app", "dev", "cloud",
    "nl"};

#define PICK(r, list) ((list)[lab_below((r), (uint32_t)TH_ARRAY_LEN(list))])

size_t lab_name_syllables(struct lab_rng *r, unsigned syllables, char out[LAB_NAME_LEN])
{
    size_t n = 0;
    for (unsigned i = 0; i < syllables; i++) {
        int k = snprintf(out + n, LAB_NAME_LEN - n, "%s%s%s", PICK(r, onset), PICK(r, nucleus),
            i + 1 == syllables || lab_chance(r, 0.3) ? PICK(r, coda) : "");
        n += (size_t)k;
    }
    return n;
}

size_t lab_name_word(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    if (lab_chance(r, 0.35))
        return lab_name_syllables(r, 2 + lab_below(r, 2), out);
    return (size_t)snprintf(out, LAB_NAME_LEN, "%s", PICK(r, words));
}

static size_t domain_label(struct lab_rng *r, char *out, size_t size)
{
    static const char *const tails[] = {
        "ly", "ify", "hq", "app", "tek", "soft", "labs", "net", "zone", "base", "box", "wire"};
    static const char *const heads[] = {
        "get", "my", "the", "go", "try", "e", "i", "pro", "net", "use"};
    char a[LAB_NAME_LEN], b[LAB_NAME_LEN];
    lab_name_word(r, a);
    lab_name_word(r, b);
    int n;
    switch (lab_below(r, 11)) {
    case 0: n = snprintf(out, size, "%.30s", a); break;
    case 1:
    case 2: n = snprintf(out, size, "%.24s%.24s", a, b); break;
    case 3: n = snprintf(out, size, "%.24s-%.24s", a, b); break;
    case 4: n = snprintf(out, size, "%.24s%.24s", PICK(r, heads), a); break;
    case 5: n = snprintf(out, size, "%.24s%.24s", a, PICK(r, tails)); break;
    case 6: n = snprintf(out, size, "%.24s%u", a, lab_below(r, 4) ? lab_below(r, 100) : 360); break;
    case 7: {
        char code[8];
        lab_name_random(r, "bcdfghklmnprstvwxz", 3 + lab_below(r, 2), code);
        n = snprintf(out, size, "%s", code);
        break;
    }
    case 8: {
        char code[8];
        lab_name_random(r, "bcdfghkmnprstvwx", 2, code);
        n = snprintf(out, size, "%.24s-%.24s", code, a);
        break;
    }
    case 9: {
        char long_word[LAB_NAME_LEN];
        lab_name_syllables(r, 3 + lab_below(r, 2), long_word);
        n = snprintf(out, size, "%.30s", long_word);
        break;
    }
    default: n = snprintf(out, size, "%.24sof%.24s", a, b); break;
    }
    return (size_t)n;
}

size_t lab_name_domain(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    char label[64];
    domain_label(r, label, sizeof label);
    return (size_t)snprintf(out, LAB_NAME_LEN, "%s.%s", label, PICK(r, tlds));
}

size_t lab_name_company(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    char a[LAB_NAME_LEN];
    lab_name_word(r, a);
    a[0] = (char)(a[0] - 'a' + 'A');
    static const char *const tails[] = {"Inc", "Ltd", "GmbH", "Group", "Systems", "SA", "Software"};
    return (size_t)snprintf(out, LAB_NAME_LEN, "%.60s %s", a, PICK(r, tails));
}

size_t lab_name_person(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    char stem[LAB_NAME_LEN];
    lab_name_syllables(r, 1 + lab_below(r, 2), stem);
    return (size_t)snprintf(
        out, LAB_NAME_LEN, "%s.%.20s%s", PICK(r, first_names), stem, PICK(r, last_ends));
}

size_t lab_name_random(struct lab_rng *r, const char *alphabet, unsigned n, char *out)
{
    uint32_t size = (uint32_t)strlen(alphabet);
    for (unsigned i = 0; i < n; i++)
        out[i] = alphabet[lab_below(r, size)];
    out[n] = '\0';
    return n;
}

size_t lab_name_hex(struct lab_rng *r, unsigned n, char *out)
{
    return lab_name_random(r, "0123456789abcdef", n, out);
}

size_t lab_name_file(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    static const char *const subjects[] = {"Budget", "Offer", "Minutes", "Plan", "Invoice",
        "Report", "Contract", "Slides", "Forecast", "Checklist", "Letter", "Pricelist",
        "Specification"};
    static const char *const ends[] = {"docx", "xlsx", "pptx", "pdf", "docx", "xlsx", "txt", "csv",
        "jpg", "png", "zip", "msg", "dwg", "vsdx"};
    char w[LAB_NAME_LEN];
    lab_name_word(r, w);
    switch (lab_below(r, 4)) {
    case 0:
        return (size_t)snprintf(out, LAB_NAME_LEN, "%s %.40s v%u.%s", PICK(r, subjects), w,
            1 + lab_below(r, 6), PICK(r, ends));
    case 1:
        return (size_t)snprintf(out, LAB_NAME_LEN, "%s_%.40s_2026-%02u.%s", PICK(r, subjects), w,
            1 + lab_below(r, 12), PICK(r, ends));
    case 2: return (size_t)snprintf(out, LAB_NAME_LEN, "%.40s-final.%s", w, PICK(r, ends));
    default:
        return (size_t)snprintf(
            out, LAB_NAME_LEN, "%s-%05u.%s", PICK(r, subjects), lab_below(r, 99999), PICK(r, ends));
    }
}

size_t lab_name_cdn_label(struct lab_rng *r, char out[LAB_NAME_LEN])
{
    char h[64], w[LAB_NAME_LEN];
    switch (lab_below(r, 6)) {
    case 0:
        lab_name_random(r, "0123456789abcdefghijklmnopqrstuvwxyz", 13, h);
        return (size_t)snprintf(out, LAB_NAME_LEN, "d%s", h);
    case 1:
        lab_name_random(r, "abcdefghijklmnopqrstuvwxyz0123456789", 8, h);
        return (size_t)snprintf(out, LAB_NAME_LEN, "r%u---sn-%s", 1 + lab_below(r, 6), h);
    case 2: lab_name_hex(r, 32, h); return (size_t)snprintf(out, LAB_NAME_LEN, "%s.safe", h);
    case 3:
        lab_name_word(r, w);
        return (size_t)snprintf(out, LAB_NAME_LEN, "%.40s-%u.edge", w, lab_below(r, 1000));
    case 4:
        lab_name_hex(r, 12, h);
        return (size_t)snprintf(out, LAB_NAME_LEN, "a%s-%u", h, 100 + lab_below(r, 900));
    default:
        lab_name_random(r, "abcdefghijklmnopqrstuvwxyz", 6, h);
        return (size_t)snprintf(out, LAB_NAME_LEN, "%s.ms", h);
    }
}
