/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many hosts that ask for five names of one family are found when one in a thousand
 * hosts that ask for five ordinary names is taken for one: by the engine's own spelling,
 * as the prior brings it. Lists are files of registered domains, one a line.
 *   dga PRIOR benign LIST... families LIST... [judged LIST...]
 * The threshold comes from the benign lists, each with the same weight. Judged lists are
 * benign too, and only held against it. PRIOR "-": what is built in alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "org.h"
#include "rng.h"

#define NAMES 5u /* a host */
#define HOSTS 200000u
#define FALSE_SHARE 0.001
#define SEED 301
#define LIST_MOST 100000u
/* A file of sections begins with the organisation's; its length stands in the head. */
#define SECTION_LENGTH_AT 16u
#define SECTION_AT 28u

struct list {
    const char *name;
    double *surprise;
    unsigned n;
};

static void read_list(const struct th_spelling *s, const char *path, struct list *ret)
{
    char line[512];
    FILE *in = fopen(path, "r");
    const char *slash = strrchr(path, '/');
    *ret = (struct list){.name = slash ? slash + 1 : path,
        .surprise = th_xreallocarray(NULL, LIST_MOST, sizeof(double))};
    while (in && ret->n < LIST_MOST && fgets(line, sizeof(line), in)) {
        size_t len = strcspn(line, ".\r\n");
        if (len > 0)
            ret->surprise[ret->n++] = th_spelling_surprise(s, th_str_n(line, len));
    }
    if (in)
        fclose(in);
}

/* Five names of the list: any five of a benign one, five in a row of a family's. */
static double host(struct lab_rng *r, const struct list *l, bool row)
{
    struct th_spelling_sum sum = {0};
    unsigned at = lab_below(r, l->n);
    for (unsigned i = 0; i < NAMES; i++, at = row ? (at + 1) % l->n : lab_below(r, l->n))
        th_spelling_weigh(&sum, l->surprise[at], 1);
    return th_spelling_z(&sum);
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x < y) - (x > y);
}

static double threshold(struct lab_rng *r, const struct list *v, unsigned n)
{
    TH_AUTOFREE double *z = th_xreallocarray(NULL, HOSTS, sizeof(*z));
    for (unsigned i = 0; i < HOSTS; i++)
        z[i] = host(r, &v[i % n], false);
    qsort(z, HOSTS, sizeof(*z), descending);
    return z[(unsigned)(FALSE_SHARE * HOSTS)];
}

static double share_above(struct lab_rng *r, const struct list *l, bool row, double bar)
{
    unsigned above = 0;
    for (unsigned i = 0; i < HOSTS / 10; i++)
        above += host(r, l, row) > bar;
    return 1000.0 * above / HOSTS;
}

static struct th_org *read_prior(const char *path)
{
    struct th_org *o = th_org_new();
    if (strcmp(path, "-") == 0)
        return o;
    FILE *in = fopen(path, "r");
    TH_AUTOFREE uint8_t *data = th_xmalloc(1u << 26);
    size_t len = in ? fread(data, 1, 1u << 26, in) : 0;
    if (in)
        fclose(in);
    uint64_t part = 0;
    if (len > SECTION_AT)
        memcpy(&part, data + SECTION_LENGTH_AT, sizeof(part));
    if (part == 0 || part > len - SECTION_AT ||
        th_org_decode(o, true, data + SECTION_AT, (size_t)part) < 0) {
        fprintf(stderr, "dga: %s is no prior\n", path);
        th_org_free(o);
        return NULL;
    }
    return o;
}

static unsigned learned(const struct th_spelling *s)
{
    uint64_t ends = 0;
    for (unsigned g = 0; g < TH_SPELL_GRAMS; g += TH_SPELL_SYMBOLS)
        ends += s->counts[g];
    return (unsigned)ends;
}

enum { BENIGN, FAMILIES, JUDGED, GROUPS };
static const char *const groups[GROUPS] = {"benign", "families", "judged"};

static void print(const struct list *const v[GROUPS], const unsigned n[GROUPS])
{
    struct lab_rng r;
    lab_rng_init(&r, SEED, 0);
    double bar = threshold(&r, v[BENIGN], n[BENIGN]);
    printf(
        "threshold %.2f standard deviations for %g %% of benign hosts\n", bar, 100 * FALSE_SHARE);
    for (unsigned g = 0; g < GROUPS; g++) {
        double sum = 0;
        unsigned most = 0;
        if (n[g] > 0)
            printf("\n| %s | names | %% of hosts above |\n|---|---|---|\n", groups[g]);
        for (unsigned i = 0; i < n[g]; i++) {
            double share = share_above(&r, &v[g][i], g == FAMILIES, bar);
            printf("| %s | %u | %.2f |\n", v[g][i].name, v[g][i].n, share);
            sum += share;
            most += share >= 69;
        }
        if (g == FAMILIES && n[g] > 0)
            printf("\nfamilies %u, mean %.1f %%, with 69 %% or more %u\n", n[g], sum / n[g], most);
    }
}

int main(int argc, char **argv)
{
    struct list *v[GROUPS];
    unsigned n[GROUPS] = {0};
    unsigned g = GROUPS;
    struct th_org *o = argc > 3 ? read_prior(argv[1]) : NULL;
    if (!o) {
        fprintf(stderr, "usage: dga PRIOR benign LIST... families LIST... [judged LIST...]\n");
        return 2;
    }
    for (unsigned i = 0; i < GROUPS; i++)
        v[i] = th_xcalloc((size_t)argc, sizeof(*v[i]));
    printf("labels learned, words and names: %u\n", learned(o->spelling));
    for (int i = 2; i < argc; i++) {
        unsigned k = 0;
        while (k < GROUPS && strcmp(argv[i], groups[k]) != 0)
            k++;
        if (k < GROUPS) {
            g = k;
        } else if (g < GROUPS) {
            read_list(o->spelling, argv[i], &v[g][n[g]]);
            n[g] += v[g][n[g]].n >= NAMES;
        }
    }
    if (n[BENIGN] > 0)
        print((const struct list *const *)v, n);
    for (unsigned i = 0; i < GROUPS; i++) {
        for (unsigned k = 0; k < n[i]; k++)
            free(v[i][k].surprise);
        free(v[i]);
    }
    th_org_free(o);
    return n[BENIGN] > 0 ? 0 : 2;
}
