/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon beacons are found, by the engine's own scorers and by RITA's formula, on the
 * same pairs (trial.h).
 *   beacons [--seed N] [--pairs N] [--benign N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trial.h"

static const char *const age_names[AGES] = {
    "10 beats", "20 beats", "40 beats", "1 h", "2 h", "4 h", "8 h", "24 h"};

struct options {
    uint64_t seed;
    unsigned pairs, benign;
};

static void print_row(const char *name, const struct trial_scores *v, unsigned n,
    const struct trial_bars *b, bool own)
{
    for (unsigned rita = 0; rita < 2; rita++) {
        printf("| %s | %s |", rita ? "" : name, rita ? "RITA" : "ours");
        for (unsigned a = 0; a < AGES; a++)
            printf(" %.1f |", trial_found(v, n, -1, b, a, rita, own));
        printf("\n");
    }
}

static void print_head(const char *first)
{
    printf("\n| %s | scorer |", first);
    for (unsigned a = 0; a < AGES; a++)
        printf(" %s |", age_names[a]);
    printf("\n|---|---|");
    for (unsigned a = 0; a < AGES; a++)
        printf("---|");
    printf("\n");
}

/* Beacons to look for: ranges from which each pair's parameters are drawn. */
static const struct trial_beacons cells[] = {
    {"jitter 0 to 0.2, no loss", {30, 3600}, {0, 0.2}, {0, 0}, false, -1},
    {"jitter 0 to 0.2, an outage early", {30, 3600}, {0, 0.2}, {0, 0}, true, -1},
    {"jitter 0 to 0.2, loss 0 to 0.3", {30, 3600}, {0, 0.2}, {0, 0.3}, false, -1},
    {"jitter 0.2 to 0.5, loss 0 to 0.3", {30, 3600}, {0.2, 0.5}, {0, 0.3}, false, -1},
    {"jitter 0.5 to 0.9, loss 0 to 0.3", {30, 3600}, {0.5, 0.9}, {0, 0.3}, false, -1},
    {"jitter 0.9, loss 0.2", {30, 3600}, {0.9, 0.9}, {0.2, 0.2}, false, -1},
    {"the same, device always on", {30, 3600}, {0.9, 0.9}, {0.2, 0.2}, false, 1},
    {"the same, device sleeps", {30, 3600}, {0.9, 0.9}, {0.2, 0.2}, false, 0},
    {"jitter 0.9, loss 0.2, period 1 h, always on", {3600, 3600}, {0.9, 0.9}, {0.2, 0.2}, false, 1},
    {"jitter 0 to 0.9, loss 0 to 0.3, 1 h to 12 h", {3600, 43200}, {0, 0.9}, {0, 0.3}, false, -1},
    {"all: jitter 0 to 0.9, loss 0 to 0.3", {30, 3600}, {0, 0.9}, {0, 0.3}, false, -1},
};

static void print_benign(
    const struct trial_scores *v, unsigned n, int first, int last, const struct trial_bars *b)
{
    for (int k = first; k <= last; k++) {
        unsigned of = 0;
        for (unsigned i = 0; i < n; i++)
            of += v[i].kind == k;
        printf("| %s | %u | %.2f | %.2f |\n", lab_pair_names[k], of,
            trial_found(v, n, k, b, HOURS_24, false, false),
            trial_found(v, n, k, b, HOURS_24, true, false));
    }
}

static int options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--pairs") == 0)
            o->pairs = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--benign") == 0)
            o->benign = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else
            return -1;
    }
    return argc % 2 == 1 && o->pairs > 0 && o->benign >= 1000 ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .pairs = 1000, .benign = 20000};
    if (options(argc, argv, &o) < 0) {
        fprintf(stderr, "usage: beacons [--seed N] [--pairs N] [--benign N, 1000 or more]\n");
        return 2;
    }
    unsigned rhythmic = o.benign / 10;
    struct trial_scores *benign = th_xcalloc(o.benign, sizeof(*benign));
    struct trial_scores *others = th_xcalloc(rhythmic, sizeof(*others));
    struct trial_scores *v = th_xcalloc(TH_ARRAY_LEN(cells) * (size_t)o.pairs, sizeof(*v));
    struct trial_bars b;
    trial_benign(o.seed, false, o.benign, benign);
    trial_benign(o.seed, true, rhythmic, others);
    trial_fit(benign, o.benign, &b);
    for (unsigned c = 0; c < TH_ARRAY_LEN(cells); c++)
        trial_beacons(o.seed, c + 1, &cells[c], o.pairs, v + (size_t)c * o.pairs);
    printf("seed %llu, %u beacons a row, %u benign pairs; thresholds: fast %.2f, slow %.2f, RITA "
           "%.3f\n",
        (unsigned long long)o.seed, o.pairs, o.benign, (double)b.all[FAST], (double)b.all[SLOW],
        (double)b.all[RITA]);
    for (unsigned own = 0; own < 2; own++) {
        print_head(own ? "% above, a threshold for each age" : "% found by then, one threshold");
        for (unsigned c = 0; c < TH_ARRAY_LEN(cells); c++)
            print_row(cells[c].name, v + (size_t)c * o.pairs, o.pairs, &b, own);
    }
    printf("\n| benign, %% above within 24 h | pairs | ours | RITA |\n|---|---|---|---|\n");
    print_benign(benign, o.benign, LAB_PAIR_IRREGULAR, LAB_PAIR_RHYTHMIC - 1, &b);
    print_benign(others, rhythmic, LAB_PAIR_RHYTHMIC, LAB_PAIR_KINDS - 1, &b);
    free(v);
    free(others);
    free(benign);
    return 0;
}
