/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/time.h"
#include "learn/learn.h"
#include "version.h"

static const char help[] =
    "Usage: thymusctl analyse [OPTION]... PATH...\n"
    "\n"
    "Learns from packet captures (pcap, pcapng), logs of Zeek (TSV, JSON) and Suricata (EVE)\n"
    "and AWS VPC flow logs what is normal for each device in them, and reports what is not. A\n"
    "PATH is a file, a folder, or - for standard input; all may be compressed (.gz, .zst, .xz).\n"
    "The folder of an instance, running or not, stands for the events that it has stored.\n"
    "\n"
    "Options:\n"
    "  --json                    print findings as JSON lines instead of a report\n"
    "  --html FILE               also write the report as one HTML page with charts\n"
    "  --budget ALERTS_PER_DAY   how many alerts a day are welcome; default 5\n"
    "  --state DIR               go on from what was learned before, and keep what is learned\n"
    "  --local-net CIDR          a network of the inside, may be repeated; default: those of an\n"
    "                            instance that is read, private addresses, or what the\n"
    "                            traffic shows\n"
    "  --filter EXPR             packets that are wanted, in the language of tcpdump:\n"
    "                            \"not port 22\"\n"
    "  --exclude-net CIDR        packets with an end in it are left out, may be repeated\n"
    "  --shards N                processes that analyse, 1 to 16; the findings stay the same\n"
    "  --models DIR              model files (*.yaml) instead of those installed\n"
    "  --prior FILE              what to start from without a state; default: the one installed\n"
    "  --no-prior                start from nothing\n"
    "  --prior-out FILE          write what was learned as a prior for other networks\n"
    "  --without LIST            leave parts of the engine out, to measure what they bring: of\n"
    "                            gate, rhythm, peers, stage-two, time, and names of features\n"
    "  --progress, --no-progress show or hide progress; default: when standard error is a\n"
    "                            terminal\n"
    "  --help, --version\n"
    "\n"
    "Environment: TMPDIR, where events rest during the run, about 50 bytes each; default\n"
    "/var/tmp. NO_COLOR, when set, leaves colour out of the report.\n"
    "\n"
    "Exit status: 0 all was read, 1 failure, 2 wrong usage, 3 part of the input was unreadable\n"
    "(the report says which part; the rest was analysed).\n";

/* Options of what keeps nothing. */
#define AS_OF_ANALYSE                                                                              \
    "  --state DIR               begin with what was learned there; it is not changed\n"           \
    "  --local-net CIDR, --filter EXPR, --exclude-net CIDR, --shards N, --models DIR,\n"           \
    "  --prior FILE, --no-prior, --progress, --no-progress\n"                                      \
    "                            as of thymusctl analyse\n"                                        \
    "  --help, --version\n"                                                                        \
    "\n"

static const char test_help[] =
    "Usage: thymusctl model test [OPTION]... FILE PATH...\n"
    "\n"
    "Runs the models in FILE (YAML, docs/models.md) over past events before they go live, and "
    "says\n"
    "what they would have told, beside what those installed tell. PATH is as of thymusctl\n"
    "analyse. A model of FILE with the id of an installed one takes its place. Nothing is kept.\n"
    "\n"
    "Options:\n"
    "  --from TIME, --to TIME    count what was found from here, up to here; what lies before is\n"
    "                            learned from. 2026-11-30, or 2026-11-30T10:00:00Z\n"
    "  --budget ALERTS_PER_DAY   how many alerts a day are welcome; default 5\n"
    "  --json                    print one JSON object instead of a report\n" AS_OF_ANALYSE
    "Exit status: 0 all was read, 1 failure or a mistake in FILE (told with its line), 2 wrong\n"
    "usage, 3 part of the input was unreadable.\n";

static const char why_help[] =
    "Usage: thymusctl why [OPTION]... DEVICE TIME PATH...\n"
    "\n"
    "Says why a device was, or was not, flagged in one hour of recorded input: what was seen of "
    "it,\n"
    "how rare that is, and what each model made of it. DEVICE is an address, a MAC, a host name "
    "or\n"
    "its first label, or an id (d...), or a user (user:anna, or u...); TIME lies in the hour that "
    "is\n"
    "meant, UTC unless it has an offset: 2026-11-30T10, 2026-11-30T10:00, 2026-11-30T10:00:00Z. "
    "PATH\n"
    "is as of thymusctl analyse; give what lies before the hour as well, or a state: what is "
    "normal "
    "is\n"
    "learned from it.\n"
    "Nothing is kept.\n"
    "\n"
    "Options:\n"
    "  --budget ALERTS_PER_DAY   how many alerts a day are welcome; default 5\n"
    "  --json                    print one JSON object instead of a report\n" AS_OF_ANALYSE
    "Exit status: 0 it was explained, 1 failure, or no such device, or it was not active in that\n"
    "hour, 2 wrong usage, 3 part of the input was unreadable.\n";

static const struct {
    const char *name, *help;
} commands[] = {
    [CTL_ANALYSE] = {"analyse", help},
    [CTL_MODEL_TEST] = {"model test", test_help},
    [CTL_WHY] = {"why", why_help},
};

static int usage_error(const struct ctl_options *o, const char *what, const char *which)
{
    fprintf(stderr, "thymusctl: %s%s; see thymusctl %s --help\n", what, which,
        commands[o->command].name);
    return CTL_USAGE;
}

/* Checked here, so that the user hears of a mistake at once; the role parses it again. */
static bool is_valid(const char *flag, const char *value)
{
    struct th_str v = th_str_c(value);
    struct th_subnet net;
    struct th_without without;
    uint64_t n;
    double d;
    if (strcmp(flag, "--local-net") == 0 || strcmp(flag, "--exclude-net") == 0)
        return th_subnet_parse(v, &net);
    if (strcmp(flag, "--until") == 0 || strcmp(flag, "--why") == 0)
        return true; /* seen to */
    if (strcmp(flag, "--without") == 0)
        return th_without_parse(v, &without);
    if (strcmp(flag, "--shards") == 0)
        return th_str_u64(v, &n) && n >= 1 && n <= 16;
    return th_str_double(v, &d) && d > 0 && d <= 1e6;
}

static int pass_on(struct ctl_options *o, const char *flag, const char *value)
{
    if (!is_valid(flag, value)) {
        fprintf(stderr, "thymusctl: %s: not valid: %s\n", flag, value);
        return CTL_USAGE;
    }
    bool of_packets = strcmp(flag, "--exclude-net") == 0;
    if (o->core_arg_count + 2 > CTL_MAX_ROLE_ARGS || o->capture_arg_count + 2 > CTL_MAX_ROLE_ARGS)
        return usage_error(o, "too often: ", flag);
    if (!of_packets) {
        o->core_args[o->core_arg_count++] = flag;
        o->core_args[o->core_arg_count++] = value;
    }
    if (of_packets || strcmp(flag, "--local-net") == 0) {
        o->capture_args[o->capture_arg_count++] = flag;
        o->capture_args[o->capture_arg_count++] = value;
    }
    return -1;
}

void ctl_options_local_net(struct ctl_options *o, const char *cidr)
{
    (void)pass_on(o, "--local-net", cidr); /* of a mistake it has said so */
}

/* A time, or the beginning of a day. */
static int take_time(const struct ctl_options *o, const char *value, char day[32], const char **ret)
{
    int64_t ns;
    bool is_day = strlen(value) == 10;
    if (is_day)
        snprintf(day, 32, "%sT00:00:00Z", value);
    *ret = is_day ? day : value;
    if (th_time_parse_rfc3339(th_str_c(*ret), &ns))
        return -1;
    return usage_error(o, "not a time (2026-11-30, 2026-11-30T10:00:00Z): ", value);
}

/* A time in the hour that is meant: minutes, or seconds and offset, may be left out. */
static bool parse_hour(const char *value, int64_t *ret_ns)
{
    static const char rest[] = "YYYY-MM-DDT00:00:00Z";
    char text[64];
    size_t len = strlen(value);
    bool is_short = len == strlen("2026-11-30T10") || len == strlen("2026-11-30T10:00");
    snprintf(text, sizeof(text), "%s%s", value, is_short ? rest + len : "");
    return len < sizeof(text) / 2 && th_time_parse_rfc3339(th_str_c(text), ret_ns);
}

static int take_why(struct ctl_options *o, const char *device, const char *time)
{
    char text[TH_TIME_TEXT_LEN];
    int64_t ns;
    if (!device[0] || strlen(device) > 255)
        return usage_error(o, "the device: give 1 to 255 characters", "");
    if (!parse_hour(time, &ns))
        return usage_error(o, "not a time (2026-11-30T10, 2026-11-30T10:00:00Z): ", time);
    th_time_rfc3339(ns, text);
    snprintf(o->why, sizeof(o->why), "%s@%s", device, text);
    return pass_on(o, "--why", o->why);
}

enum {
    OPT_JSON = 1,
    OPT_HTML,
    OPT_BUDGET,
    OPT_STATE,
    OPT_NET,
    OPT_EXCLUDE,
    OPT_FILTER,
    OPT_SHARDS,
    OPT_WITHOUT,
    OPT_MODELS,
    OPT_PRIOR,
    OPT_NO_PRIOR,
    OPT_PRIOR_OUT,
    OPT_SHOW,
    OPT_HIDE,
    OPT_FROM,
    OPT_TO,
    OPT_HELP,
    OPT_VERSION
};

/* Only an analysis keeps something and writes a page; past and future are a test's. */
static bool is_wanted(const struct ctl_options *o, int c)
{
    if (c == OPT_HTML || c == OPT_PRIOR_OUT || c == OPT_WITHOUT)
        return o->command == CTL_ANALYSE;
    return (c != OPT_FROM && c != OPT_TO) || o->command == CTL_MODEL_TEST;
}

static int take(struct ctl_options *o, int c, const char *value)
{
    switch (c) {
    case OPT_JSON: o->json = true; return -1;
    case OPT_HTML: o->html = value; return -1;
    case OPT_BUDGET: return pass_on(o, "--budget", value);
    case OPT_STATE: o->state_dir = value; return -1;
    case OPT_NET: o->local_named = true; return pass_on(o, "--local-net", value);
    case OPT_EXCLUDE: return pass_on(o, "--exclude-net", value);
    case OPT_FILTER: o->filter = value; return -1;
    case OPT_SHARDS: return pass_on(o, "--shards", value);
    case OPT_WITHOUT: return pass_on(o, "--without", value);
    case OPT_MODELS: o->models_dir = value; return -1;
    case OPT_PRIOR: o->prior = value; return -1;
    case OPT_NO_PRIOR: o->no_prior = true; return -1;
    case OPT_PRIOR_OUT: o->prior_out = value; return -1;
    case OPT_SHOW: o->show = true; return -1;
    case OPT_HIDE: o->show = false; return -1;
    case OPT_FROM: return take_time(o, value, o->from_day, &o->from);
    case OPT_TO:
        return take_time(o, value, o->to_day, &o->to) < 0 ? pass_on(o, "--until", o->to)
                                                          : CTL_USAGE;
    case OPT_HELP: return fputs(commands[o->command].help, stdout) < 0 ? CTL_FAILED : CTL_ALL_READ;
    case OPT_VERSION: return printf("thymusctl %s\n", TH_VERSION) < 0 ? CTL_FAILED : CTL_ALL_READ;
    default: return usage_error(o, "unknown or incomplete option: ", value);
    }
}

static int check_times(const struct ctl_options *o)
{
    int64_t from = INT64_MIN;
    int64_t to = INT64_MAX;
    if (o->from)
        (void)th_time_parse_rfc3339(th_str_c(o->from), &from);
    if (o->to)
        (void)th_time_parse_rfc3339(th_str_c(o->to), &to);
    return from < to ? -1 : usage_error(o, "--to must lie after --from", "");
}

/* What stands before the paths. */
static int take_operands(struct ctl_options *o, int argc, char **argv)
{
    if (o->command == CTL_MODEL_TEST && optind < argc)
        o->trial = argv[optind++];
    if (o->command != CTL_WHY)
        return -1;
    if (argc - optind < 3)
        return usage_error(o, "give a device, a time, and at least one path", "");
    optind += 2;
    return take_why(o, argv[optind - 2], argv[optind - 1]);
}

int ctl_options_parse(struct ctl_options *o, enum ctl_command command, int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, OPT_JSON},
        {"html", required_argument, NULL, OPT_HTML},
        {"budget", required_argument, NULL, OPT_BUDGET},
        {"state", required_argument, NULL, OPT_STATE},
        {"local-net", required_argument, NULL, OPT_NET},
        {"exclude-net", required_argument, NULL, OPT_EXCLUDE},
        {"filter", required_argument, NULL, OPT_FILTER},
        {"shards", required_argument, NULL, OPT_SHARDS},
        {"without", required_argument, NULL, OPT_WITHOUT},
        {"models", required_argument, NULL, OPT_MODELS},
        {"prior", required_argument, NULL, OPT_PRIOR},
        {"no-prior", no_argument, NULL, OPT_NO_PRIOR},
        {"prior-out", required_argument, NULL, OPT_PRIOR_OUT},
        {"progress", no_argument, NULL, OPT_SHOW},
        {"no-progress", no_argument, NULL, OPT_HIDE},
        {"from", required_argument, NULL, OPT_FROM},
        {"to", required_argument, NULL, OPT_TO},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {0},
    };
    *o = (struct ctl_options){.command = command, .show = isatty(STDERR_FILENO)};
    opterr = 0; /* said in our words */
    int at = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, &at)) != -1;) {
        bool known = c != '?' && is_wanted(o, c);
        int decided =
            known ? take(o, c, optarg) : take(o, '?', c == '?' ? argv[optind - 1] : longs[at].name);
        if (decided >= 0)
            return decided;
    }
    if (take_operands(o, argc, argv) >= 0)
        return CTL_USAGE;
    if (optind == argc)
        return usage_error(o, "give at least one path",
            o->trial || command == CTL_ANALYSE ? "" : ", and the file of models before it");
    if (o->json && o->html)
        return usage_error(o, "--json and --html: give one of them", "");
    if (o->html && o->html[0] == '-' && !o->html[1])
        return usage_error(o, "--html: give a file; standard output has the report", "");
    if (o->prior && o->no_prior)
        return usage_error(o, "--prior and --no-prior: give one of them", "");
    if (check_times(o) >= 0)
        return CTL_USAGE;
    o->paths = argv + optind;
    o->path_count = (size_t)(argc - optind);
    return -1;
}
