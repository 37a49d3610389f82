/* SPDX-License-Identifier: Apache-2.0 */
#include "read.h"

#include <getopt.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "event/batch.h"
#include "filter.h"
#include "options.h"
#include "priv/inputs.h"
#include "priv/readers.h"
#include "priv/results.h"
#include "version.h"

enum { EXIT_READ = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PARTLY = 3 };
enum { MAX_ROLE_ARGS = 120 };

static const char help[] =
    "Usage: thymus-vsensor --config FILE [--feed PATH... [--rate NUMBER]]\n"
    "       thymus-vsensor --config FILE --packets OUT --host ADDRESS [--peer ADDRESS] [...]\n"
    "       thymus-vsensor --read PATH... (--json-dir DIR | --json FILE | --spool FILE)\n"
    "\n"
    "With --config, watches interfaces and reports to a master; with --feed as well, reports what\n"
    "is in captures and spools of event batches, and ends when the master has it. FILE: see\n"
    "thymus-vsensor(8).\n"
    "\n"
    "With --packets, writes packets that the sensor kept of a host into a pcap file; which of "
    "them,\n"
    "thymus-vsensor(8) says.\n"
    "\n"
    "With --read, reads packet captures (pcap and pcapng, also .gz, .zst, .xz; files, folders, - "
    "for\n"
    "standard input) and writes what happened in them as events.\n"
    "\n"
    "Output, one of:\n"
    "  --json-dir DIR      Zeek-named JSON logs, one file a kind: DIR/conn.log, DIR/dns.log, ...\n"
    "  --json FILE         all kinds as one stream of JSON lines with _path; - for standard "
    "output\n"
    "  --spool FILE        event batches, as the master reads them\n"
    "\n"
    "Options:\n"
    "  --rate NUMBER       events a second that --feed reports at most; default: no limit\n"
    "  --local-net CIDR    a network of the inside, may be repeated; default: private addresses\n"
    "  --filter EXPR       packets that are wanted, in the language of tcpdump: \"not port 22\"\n"
    "  --exclude-net CIDR  packets with an end in it are left out, may be repeated\n"
    "  --hash-limit BYTES  files in the traffic up to this size are hashed; default 10485760\n"
    "  --memory BYTES      for connections and what is kept of them; default 1073741824\n"
    "  --progress          show progress, also when standard error is no terminal\n"
    "  --no-progress       show none\n"
    "  --log-level WORD    error, warn, info or debug; default info\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all was read, 1 failure, 2 wrong usage, 3 part of the input was unreadable\n"
    "(standard error says which part; the rest was read).\n";

struct reading {
    bool read;
    const char *json_dir, *json, *spool, *filter;
    bool show;
    struct th_capture_options checked; /* the role parses its own copy */
    const char *role_args[MAX_ROLE_ARGS + 1];
    size_t role_arg_count;
    struct th_inputs inputs;
    struct th_results results;
};

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "thymus-vsensor: %s%s; see thymus-vsensor --help\n", what, which);
    return EXIT_USAGE;
}

/* An option that goes to the role: checked here, so that the user hears of a mistake at once. */
static int pass_on(struct reading *rd, const char *name, const char *value)
{
    static const char *const flags[] = {
        "--local-net", "--exclude-net", "--hash-limit", "--memory", "--log-level"};
    if (!th_capture_option(&rd->checked, name, value)) {
        fprintf(stderr, "thymus-vsensor: --%s: not valid: %s\n", name, value);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(flags); i++) {
        if (strcmp(flags[i] + 2, name) != 0)
            continue;
        if (rd->role_arg_count + 2 > MAX_ROLE_ARGS)
            return usage_error("too many options: ", flags[i]);
        rd->role_args[rd->role_arg_count++] = flags[i];
        rd->role_args[rd->role_arg_count++] = value;
    }
    return -1;
}

/* Exit status when it is decided already, else -1. */
static int parse(struct reading *rd, int argc, char **argv)
{
    enum {
        OPT_READ = 1,
        OPT_DIR,
        OPT_JSON,
        OPT_SPOOL,
        OPT_PASS,
        OPT_FILTER,
        OPT_SHOW,
        OPT_HIDE,
        OPT_HELP,
        OPT_VERSION
    };
    static const struct option longs[] = {
        {"read", no_argument, NULL, OPT_READ},
        {"json-dir", required_argument, NULL, OPT_DIR},
        {"json", required_argument, NULL, OPT_JSON},
        {"spool", required_argument, NULL, OPT_SPOOL},
        {"local-net", required_argument, NULL, OPT_PASS},
        {"exclude-net", required_argument, NULL, OPT_PASS},
        {"filter", required_argument, NULL, OPT_FILTER},
        {"hash-limit", required_argument, NULL, OPT_PASS},
        {"memory", required_argument, NULL, OPT_PASS},
        {"log-level", required_argument, NULL, OPT_PASS},
        {"progress", no_argument, NULL, OPT_SHOW},
        {"no-progress", no_argument, NULL, OPT_HIDE},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {0},
    };
    int index = 0;
    int decided = -1;
    rd->show = isatty(STDERR_FILENO);
    opterr = 0; /* said in our words */
    for (int c; decided < 0 && (c = getopt_long(argc, argv, "", longs, &index)) != -1;) {
        switch (c) {
        case OPT_READ: rd->read = true; break;
        case OPT_DIR: rd->json_dir = optarg; break;
        case OPT_JSON: rd->json = optarg; break;
        case OPT_SPOOL: rd->spool = optarg; break;
        case OPT_SHOW: rd->show = true; break;
        case OPT_HIDE: rd->show = false; break;
        case OPT_FILTER: rd->filter = optarg; break;
        case OPT_PASS: decided = pass_on(rd, longs[index].name, optarg); break;
        case OPT_HELP:
            fputs(help, stdout);
            decided = EXIT_READ;
            break;
        case OPT_VERSION:
            printf("thymus-vsensor %s\n", TH_VERSION);
            decided = EXIT_READ;
            break;
        default: decided = usage_error("unknown or incomplete option: ", argv[optind - 1]); break;
        }
    }
    if (decided >= 0)
        return decided;
    if (!rd->read)
        return usage_error("nothing to do: give --read and paths", "");
    if (optind == argc)
        return usage_error("--read needs at least one path", "");
    if (!!rd->json_dir + !!rd->json + !!rd->spool != 1)
        return usage_error("give one of --json-dir, --json and --spool", "");
    return -1;
}

static int collect(struct reading *rd, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        th_inputs_add(&rd->inputs, argv[i]);
    for (size_t i = 0; i < rd->inputs.problem_count; i++)
        fprintf(stderr, "thymus-vsensor: %s: %s\n", rd->inputs.problems[i].path,
            rd->inputs.problems[i].message);
    return rd->inputs.count ? -1 : EXIT_PARTLY;
}

/* A file a kind of event, KIND.log, in the folder, which is made when it is not there. */
static int add_folder(struct th_results *r, const char *folder)
{
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return -errno;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        const struct th_kind_info *info = th_kind_get(k);
        if (!info)
            continue;
        TH_AUTOFREE char *path = th_xasprintf("%s/%s.log", folder, info->name);
        TH_AUTOFREE char *tag = th_xasprintf("json.%s", info->name);
        int err = th_results_add(r, tag, path, true);
        if (err < 0)
            return err;
    }
    return 0;
}

static int open_results(struct reading *rd)
{
    const char *path = rd->json_dir ? rd->json_dir : rd->json ? rd->json : rd->spool;
    int err = rd->json_dir ? add_folder(&rd->results, path)
                           : th_results_add(&rd->results, rd->json ? "json" : "spool", path, false);
    if (err == 0)
        return -1;
    fprintf(stderr, "thymus-vsensor: %s: cannot be written: %s\n", path, th_strerror(err));
    return EXIT_FAILED;
}

static int run_role(struct reading *rd, struct th_readers *readers)
{
    struct th_role_fd fds[TH_RESULTS_MAX + 1];
    size_t count = rd->results.count;
    char program[4096], wrong[1024];
    for (size_t i = 0; i < rd->results.count; i++)
        fds[i] = (struct th_role_fd){.fd = rd->results.v[i].fd, .tag = rd->results.v[i].tag};
    TH_AUTOCLOSE int filter = rd->filter ? th_filter_make(rd->filter, wrong, sizeof(wrong)) : -1;
    if (rd->filter && filter < 0)
        return usage_error("--filter: ", wrong);
    if (rd->filter)
        fds[count++] = (struct th_role_fd){.fd = filter, .tag = "filter"};
    int err = th_sibling_program("thymus-vsensor", program, sizeof(program));
    if (err == 0)
        err = th_readers_start(readers, program, "capture", fds, count, rd->role_args);
    if (err < 0)
        fprintf(
            stderr, "thymus-vsensor: the capture role cannot be started: %s\n", th_strerror(err));
    else
        err = th_readers_run(readers);
    return err < 0 ? EXIT_FAILED : -1;
}

/* Says what was not read; whether that is anything. */
static bool tell_unread(const struct reading *rd, const struct th_readers *readers)
{
    bool unread = rd->inputs.problem_count > 0;
    for (size_t i = 0; i < rd->inputs.count; i++) {
        const struct th_progress *p = th_readers_result(readers, i);
        if (p && (p->status == TH_SOURCE_READ || p->status == TH_SOURCE_DUPLICATE))
            continue;
        const char *how = p && p->status == TH_SOURCE_PARTIAL ? "read in part: " : "not read: ";
        fprintf(stderr, "thymus-vsensor: %s: %s%s\n", rd->inputs.paths[i], how,
            p ? p->text : "its reader ended before it");
        unread = true;
    }
    return unread;
}

static int read_inputs(struct reading *rd)
{
    struct th_readers *readers =
        th_readers_new((const char *const *)rd->inputs.paths, rd->inputs.count, rd->show);
    int decided = run_role(rd, readers);
    if (decided < 0) {
        int err = th_results_keep(&rd->results);
        if (err < 0)
            fprintf(
                stderr, "thymus-vsensor: results cannot be put in place: %s\n", th_strerror(err));
        bool unread = tell_unread(rd, readers);
        decided = err < 0 ? EXIT_FAILED : unread ? EXIT_PARTLY : EXIT_READ;
    }
    th_readers_free(readers);
    return decided;
}

int vsensor_read(int argc, char **argv)
{
    struct reading rd = {0};
    int decided = parse(&rd, argc, argv);
    if (decided < 0)
        decided = collect(&rd, argc, argv);
    if (decided < 0)
        decided = open_results(&rd);
    if (decided < 0)
        decided = read_inputs(&rd);
    th_results_done(&rd.results);
    th_inputs_done(&rd.inputs);
    return decided;
}
