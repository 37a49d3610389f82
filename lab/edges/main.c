/* SPDX-License-Identifier: Apache-2.0 */
/* edges: how well scorers find what is labelled in a table of edges. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "print.h"
#include "scorers.h"

static const struct {
    const char *name;
    const char *what;
    void (*run)(const struct edges_job *j, struct edges_scores *ret);
} scorers[] = {
    {"thymus", "the engine's signals of both ends' hours", edges_score_learner},
    {"midas", "MIDAS", edges_score_midas},
    {"midas-r", "MIDAS-R", edges_score_midas_r},
    {"midas-f", "MIDAS-F", edges_score_midas_f},
    {"count", "records of the address in the hour", edges_score_count},
    {"limits", "fixed limits", edges_score_limits},
    {"hbos-rows", "HBOS fitted to records", edges_score_hbos_rows},
    {"hbos-units", "HBOS fitted to units", edges_score_hbos_units},
    {"iforest-rows", "Isolation Forest fitted to records", edges_score_iforest_rows},
    {"iforest-units", "Isolation Forest fitted to units", edges_score_iforest_units},
    {"loda-rows", "Loda fitted to records", edges_score_loda_rows},
    {"loda-units", "Loda fitted to units", edges_score_loda_units},
};

struct command {
    const char *file, *scores, *only;
    bool json, instances;
    int32_t from, to;
};

static void usage(FILE *f)
{
    fprintf(f,
        "usage: edges [--json] [--only NAME] [--from MM/DD/YYYY] [--to MM/DD/YYYY]\n             "
        "[--instances] [--scores FILE] "
        "FILE\n"
        "  FILE             src,dst,minute,label a line, in order of time; gzip, zstd or xz too\n"
        "  --only NAME      this scorer alone; of:");
    for (size_t i = 0; i < TH_ARRAY_LEN(scorers); i++)
        fprintf(f, " %s", scorers[i].name);
    fprintf(f,
        "\n"
        "  --from DATE      what came before teaches, but is not judged\n"
        "  --to DATE        nothing from then on is read\n"
        "  --instances      also each attack, with its place among the benign units\n"
        "  --scores FILE    one score per row, of the first scorer that runs\n"
        "  --json           one JSON object a line\n");
}

static bool parse_date(const char *text, int32_t *ret)
{
    char minute[24];
    int n = snprintf(minute, sizeof minute, "%s-00:00", text);
    return n > 0 && (size_t)n < sizeof minute && edges_minute_parse(th_str_c(minute), ret);
}

static int parse(int argc, char **argv, struct command *c)
{
    *c = (struct command){.from = INT32_MIN, .to = INT32_MAX};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(a, "--json") == 0)
            c->json = true;
        else if (strcmp(a, "--instances") == 0)
            c->instances = true;
        else if (strcmp(a, "--help") == 0)
            return 1;
        else if (strcmp(a, "--only") == 0 && next)
            c->only = argv[++i];
        else if (strcmp(a, "--scores") == 0 && next)
            c->scores = argv[++i];
        else if (strcmp(a, "--from") == 0 && next && parse_date(next, &c->from))
            i++;
        else if (strcmp(a, "--to") == 0 && next && parse_date(next, &c->to))
            i++;
        else if (a[0] != '-' && !c->file)
            c->file = a;
        else
            return -EINVAL;
    }
    bool known = !c->only;
    for (size_t i = 0; i < TH_ARRAY_LEN(scorers) && !known; i++)
        known = strcmp(c->only, scorers[i].name) == 0;
    return c->file && known ? 0 : -EINVAL;
}

static int load(const char *file, struct edges_table **ret)
{
    TH_AUTOSTREAM struct th_stream *s = NULL;
    uint64_t line = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : th_stream_open(fd, &s);
    if (err == 0)
        err = edges_table_read(s, ret, &line);
    if (err == 0 && (*ret)->rows == 0)
        err = TH_E_UNKNOWN_FORMAT;
    if (err < 0 && line > 0)
        fprintf(stderr, "edges: %s: line %llu: %s (src,dst,minute,label, in order of time)\n", file,
            (unsigned long long)line, th_strerror(err));
    else if (err < 0)
        fprintf(stderr, "edges: %s: %s\n", file, th_strerror(err));
    return err;
}

static int write_scores(const char *file, const double *row, uint32_t n)
{
    TH_AUTOFCLOSE FILE *f = fopen(file, "we");
    if (!f)
        return -errno;
    for (uint32_t i = 0; i < n; i++)
        fprintf(f, "%.9g\n", row[i]);
    return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(const struct command *c, const struct edges_job *j)
{
    bool first = true;
    struct edges_truth truth;
    edges_truth_get(j->t, c->from, &truth);
    edges_print_head(j, &truth, c->json);
    for (size_t i = 0; i < TH_ARRAY_LEN(scorers); i++) {
        if (c->only && strcmp(c->only, scorers[i].name) != 0)
            continue;
        struct edges_scores s = {0};
        struct edges_measure m;
        double begin = seconds_now();
        scorers[i].run(j, &s);
        double took = seconds_now() - begin;
        edges_measure_get(j->t, j->dst, j->src, c->from, &s, &m);
        edges_print_measure(scorers[i].name, scorers[i].what, &m, took, c->json);
        if (c->instances)
            edges_print_instances(j, c->from, scorers[i].name, &s, c->json);
        int err = c->scores && first ? write_scores(c->scores, s.row, j->t->rows) : 0;
        edges_scores_done(&s);
        first = false;
        if (err < 0) {
            fprintf(stderr, "edges: %s: %s\n", c->scores, th_strerror(err));
            return err;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct command c;
    EDGES_AUTOTABLE struct edges_table *t = NULL;
    struct edges_units dst;
    struct edges_units src;
    int err = parse(argc, argv, &c);
    if (err != 0)
        usage(err > 0 ? stdout : stderr);
    if (err != 0)
        return err > 0 ? 0 : 2;
    if (load(c.file, &t) < 0)
        return 1;
    while (t->rows > 0 && t->row[t->rows - 1].minute >= c.to)
        t->rows--;
    edges_units_init(&dst, t, true);
    edges_units_init(&src, t, false);
    struct edges_job j = {.t = t, .dst = &dst, .src = &src};
    err = run(&c, &j);
    edges_units_done(&dst);
    edges_units_done(&src);
    return err < 0 || fflush(stdout) != 0;
}
