/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "base/mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

/* Monday, 2 March 2026. */
#define DEFAULT_START INT64_C(1772409600000000000)

enum {
    O_SEED = 256,
    O_SITE,
    O_DEVICES,
    O_START,
    O_DAYS,
    O_HOURS,
    O_SPOOL,
    O_ZEEK,
    O_PCAP,
    O_CAP,
    O_TRUTH,
    O_INJECT,
    O_FROM,
    O_SPOOLS,
    O_ATTACK,
    O_SCANNER,
    O_LIFE,
    O_PARTS,
    O_QUIET,
    O_PROGRESS
};

static const struct option options[] = {{"seed", required_argument, NULL, O_SEED},
    {"site", required_argument, NULL, O_SITE}, {"devices", required_argument, NULL, O_DEVICES},
    {"start", required_argument, NULL, O_START}, {"days", required_argument, NULL, O_DAYS},
    {"hours", required_argument, NULL, O_HOURS}, {"spool", required_argument, NULL, O_SPOOL},
    {"zeek-json", required_argument, NULL, O_ZEEK}, {"pcap", required_argument, NULL, O_PCAP},
    {"pcap-payload-cap", required_argument, NULL, O_CAP},
    {"truth", required_argument, NULL, O_TRUTH}, {"inject", required_argument, NULL, O_INJECT},
    {"write-from", required_argument, NULL, O_FROM}, {"spools", required_argument, NULL, O_SPOOLS},
    {"attack", optional_argument, NULL, O_ATTACK}, {"scanner", no_argument, NULL, O_SCANNER},
    {"life", required_argument, NULL, O_LIFE}, {"part-minutes", required_argument, NULL, O_PARTS},
    {"quiet", no_argument, NULL, O_QUIET}, {"progress", no_argument, NULL, O_PROGRESS},
    {"help", no_argument, NULL, 'h'}, {0}};

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "thymus-lab: --%s: \"%s\" is not valid\n", what, value);
    return -EINVAL;
}

static bool number(const char *text, double lo, double hi, double *ret)
{
    return th_str_double(th_str_c(text), ret) && *ret >= lo && *ret <= hi;
}

static int one(struct lab_command *c, int opt, const char *arg, int64_t *len_ns)
{
    double v = 0;
    switch (opt) {
    case O_SEED: return th_str_u64(th_str_c(arg), &c->sim.seed) ? 0 : bad("seed", arg);
    case O_DEVICES:
        if (!number(arg, 18, LAB_MAX_DEVICES, &v))
            return bad("devices", arg);
        c->sim.devices = (uint32_t)v;
        return 0;
    case O_SITE:
        if (!number(arg, 1, 255, &v))
            return bad("site", arg);
        c->sim.site = (uint8_t)v;
        return 0;
    case O_START:
        if (!th_time_parse_rfc3339(th_str_c(arg), &c->sim.start_ns))
            return bad("start", arg);
        c->sim.start_ns = th_time_floor(c->sim.start_ns, LAB_SLICE_NS);
        return 0;
    case O_DAYS:
    case O_HOURS:
        if (!number(arg, 0.01, opt == O_DAYS ? 400 : 9600, &v))
            return bad(opt == O_DAYS ? "days" : "hours", arg);
        *len_ns = (int64_t)(v * (opt == O_DAYS ? 24 : 1) * 60) * TH_NS_PER_MIN;
        return *len_ns > 0 ? 0 : bad("hours", arg);
    case O_SPOOL: c->spool = arg; return 0;
    case O_SPOOLS: c->parts = arg; return 0;
    case O_ZEEK: c->zeek_json = arg; return 0;
    case O_PCAP: c->pcap = arg; return 0;
    case O_CAP:
        if (!number(arg, 4096, 1e12, &v))
            return bad("pcap-payload-cap", arg);
        c->payload_cap = (uint64_t)v;
        return 0;
    case O_TRUTH: c->truth = arg; return 0;
    case O_INJECT:
        if (c->inject_count == LAB_MAX_INJECT)
            return bad("inject", "more than 64");
        c->inject[c->inject_count++] = arg;
        return 0;
    case O_FROM:
        return th_time_parse_rfc3339(th_str_c(arg), &c->from_ns) ? 0 : bad("write-from", arg);
    case O_ATTACK:
        c->attack = true;
        c->attack_at = arg;
        return 0;
    case O_SCANNER: c->sim.scanner = true; return 0;
    case O_LIFE: c->life = arg; return 0;
    case O_PARTS:
        if (!number(arg, 0, 1440, &v) || (v > 0 && v < 1))
            return bad("part-minutes", arg);
        c->sim.part_ns = (int64_t)v * TH_NS_PER_MIN;
        return 0;
    case O_QUIET: c->quiet = true; return 0;
    case O_PROGRESS: c->progress = true; return 0;
    case 'h': c->help = true; return 0;
    default: return -EINVAL; /* getopt has said why */
    }
}

int lab_command_parse(int argc, char **argv, struct lab_command *ret)
{
    int64_t len_ns = TH_NS_PER_DAY;
    *ret = (struct lab_command){.payload_cap = 4096, .from_ns = INT64_MIN};
    ret->sim = (struct lab_options){
        .seed = 1, .devices = 60, .start_ns = DEFAULT_START, .part_ns = 5 * TH_NS_PER_MIN};
    for (int opt; (opt = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        int err = one(ret, opt, optarg, &len_ns);
        if (err < 0)
            return err;
    }
    if (optind < argc)
        return bad("help", argv[optind]);
    ret->sim.end_ns = ret->sim.start_ns + len_ns;
    char message[160];
    if (ret->life &&
        lab_life_parse(ret->life, ret->sim.start_ns, &ret->sim.life, message, sizeof message) < 0) {
        fprintf(stderr, "thymus-lab: --life: %s\n", message);
        return -EINVAL;
    }
    if (ret->pcap)
        ret->sim.jumbo_after = ret->payload_cap;
    return 0;
}

void lab_command_help(void)
{
    printf("usage: thymus-lab [options]\n"
           "Makes the traffic of an office that does not exist, as events or as packets.\n\n"
           "  --seed N              same seed and options, same bytes (1)\n"
           "  --site N              its addresses are 10.N.x.y (20)\n"
           "  --devices N           18 to 4000 (60)\n"
           "  --start TIME          RFC 3339 (2026-03-02T00:00:00Z, a Monday)\n"
           "  --days N, --hours N   how long (1 day)\n"
           "  --scanner             with a permitted vulnerability scanner\n"
           "  --life LIST           what life brings, see below; nothing by default\n"
           "  --spool FILE          events as batch frames; - is standard output\n"
           "  --spools DIR          the same, a file a day of the office and a file an injection\n"
           "  --zeek-json DIR       events as Zeek JSON logs\n"
           "  --pcap FILE           packets; - is standard output\n"
           "  --pcap-payload-cap N  payload bytes a direction in full packets; what is\n"
           "                        beyond comes as large cut ones (4096)\n"
           "  --part-minutes N      interim records of long connections (5; 0 none)\n"
           "  --write-from TIME     what was before happened too, but is not written\n"
           "  --truth FILE          what was injected, and what life brought, JSON lines\n"
           "  --attack[=TIME]       a whole story on one device\n"
           "  --inject KIND[@TIME][:key=value,...]   may be repeated\n"
           "  --quiet, --progress, --help\n\n"
           "TIME of an injection: +1d9h30m after the start, or RFC 3339. Every kind takes\n"
           "device=NAME, hours=SPAN and, when it speaks to outside, host=NAME:\n");
    for (unsigned n = 0; lab_inject_kind_at(n); n++) {
        const struct lab_inject_kind *k = lab_inject_kind_at(n);
        printf("  %-16s %s\n", k->name, k->help);
    }
    printf("\nLIST of life is NAME[@TIME],...; TIME counts from the Monday of the first week. "
           "\"all\",\n"
           "\"habits\" and \"changes\" (those with times) stand for many.\n");
    for (unsigned n = 0; lab_life_info(n); n++) {
        const struct lab_life_info *l = lab_life_info(n);
        printf("  %-16s %s%s", l->name, l->help, l->when[0] ? " (" : "");
        for (unsigned i = 0; i < TH_ARRAY_LEN(l->when) && l->when[i]; i++)
            printf("%s%s", i ? ", " : "", l->when[i]);
        printf("%s\n", l->when[0] ? ")" : "");
    }
}
