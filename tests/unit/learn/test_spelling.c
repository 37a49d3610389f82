/* SPDX-License-Identifier: Apache-2.0 */
/* How names are spelt, and what a list of real ones does to it (real lists only when present). */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "families.h"
#include "spelling.h"

static double z(const struct th_spelling *s, const char *label)
{
    return th_spelling_surprise(s, th_str_c(label));
}

static void generated_stand_out(void **state)
{
    (void)state;
    static const char *const ordinary[] = {"mountainbikes", "officesupply", "greenleafcafe",
        "northbank", "systemcheck", "travelagents", "paperhouse", "smartlighting"};
    static const char *const generated[] = {
        "xkqzvbtwplmq", "qjwhrnzxpkdf", "vbzmqtxkjwgr", "a8f3k2q9zx7w", "pzxqkvwjhbnm"};
    struct th_spelling *s = th_spelling_new();
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(*ordinary); i++)
        assert_true(z(s, ordinary[i]) < 1.5);
    for (size_t i = 0; i < sizeof(generated) / sizeof(*generated); i++)
        assert_true(z(s, generated[i]) > 2.5);
    th_spelling_free(s);
}

static void learns_local_names_from_the_next_day_on(void **state)
{
    (void)state;
    struct th_spelling *s = th_spelling_new();
    double before = z(s, "xyzzyqwklab");
    uint16_t grams[TH_SPELL_MAX_LABEL + 1];
    unsigned n = th_spelling_grams(th_str_c("xyzzyqwklab"), grams);
    assert_int_equal(n, 12);
    for (unsigned k = 0; k < 30; k++) {
        for (unsigned i = 0; i < n; i++)
            th_spelling_learn(s, grams[i], 1);
    }
    assert_true(z(s, "xyzzyqwklab") == before);
    th_spelling_turn(s);
    assert_true(z(s, "xyzzyqwklab") < before - 2);
    th_spelling_free(s);
}

static void odd_labels_are_safe(void **state)
{
    (void)state;
    struct th_spelling *s = th_spelling_new();
    char longest[300];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_true(isfinite(z(s, longest)));
    assert_true(isfinite(z(s, "")));
    assert_true(isfinite(z(s, "\xff\xfe\x01")));
    th_spelling_learn(s, UINT16_MAX, 1);
    th_spelling_free(s);
}

/* Hosts that ask for five names of one family in a row: share above a z that ordinary hosts do not
 * reach. */
static void real_families(void **state)
{
    (void)state;
    const char *data = getenv("THYMUS_DATA") ? getenv("THYMUS_DATA") : DEFAULT_DATA;
    static const char *const files[] = {"qakbot/example_domains.txt", "tinba/example_domains.txt",
        "ranbyus/may_example_domains.txt"};
    struct th_spelling *s = th_spelling_new();
    unsigned read = 0;
    for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
        char path[512];
        char line[256];
        snprintf(path, sizeof(path), "%s/domains/dga/%s", data, files[f]);
        FILE *in = fopen(path, "r");
        unsigned hosts = 0;
        unsigned found = 0;
        struct th_spelling_sum sum = {0};
        for (unsigned i = 1; in && fgets(line, sizeof(line), in); i++) {
            line[strcspn(line, ".\r\n")] = '\0';
            th_spelling_weigh(&sum, z(s, line), 1);
            if (i % 5 == 0) {
                hosts++;
                found += th_spelling_z(&sum) > 2.5;
                sum = (struct th_spelling_sum){0};
            }
        }
        if (in)
            fclose(in);
        if (hosts == 0)
            continue;
        read++;
        assert_true(found >= 0.95 * hosts);
    }
    th_spelling_free(s);
    if (read == 0)
        print_message("# skipped: no domains/dga below %s; set THYMUS_DATA\n", data);
}

/* Per cent of hosts with five names above the bar; kind LAB_FAMILIES: ordinary names. */
static double hosts_above(const struct th_spelling *s, unsigned kind, double bar)
{
    enum { HOSTS = 2000 };
    unsigned above = 0;
    for (unsigned h = 0; h < HOSTS; h++) {
        char names[5][LAB_NAME_LEN];
        struct th_spelling_sum sum = {0};
        struct lab_rng r;
        lab_rng_init(&r, 401, kind * HOSTS + h);
        for (unsigned i = 0; i < 5 && kind == LAB_FAMILIES; i++) {
            lab_name_domain(&r, names[i]);
            names[i][strcspn(names[i], ".")] = '\0';
        }
        if (kind != LAB_FAMILIES)
            lab_family_host(&r, kind, 5, names);
        for (unsigned i = 0; i < 5; i++)
            th_spelling_weigh(&sum, z(s, names[i]), 1);
        above += th_spelling_z(&sum) > bar;
    }
    return 100.0 * above / HOSTS;
}

/* Kinds of families that are made here, at a bar that real networks' names exceed in one host of a
 * thousand (lab/dga.py). */
static void kinds_of_families(void **state)
{
    (void)state;
    static const double least[LAB_FAMILIES] = {99, 98, 98, 50, 15, 0};
    struct th_spelling *s = th_spelling_new();
    for (unsigned k = 0; k < LAB_FAMILIES; k++) {
        double found = hosts_above(s, k, 1.75);
        if (found < least[k])
            print_message("# %s: %.1f %% of hosts\n", lab_family_names[k], found);
        assert_true(found >= least[k]);
    }
    double ordinary = hosts_above(s, LAB_FAMILIES, 1.75);
    if (ordinary > 2)
        print_message("# ordinary: %.2f %%\n", ordinary);
    assert_true(ordinary <= 2); /* one in six of the lab's names is a code: hard for its size */
    th_spelling_free(s);
}

/* International labels tell by the letters that stand in them, others by none. */
static void international_labels(void **state)
{
    (void)state;
    struct th_spelling *s = th_spelling_new();
    assert_true(z(s, "xn--mnchen-3ya") == z(s, "mnchen"));
    assert_true(z(s, "xn--wgv71a") == 0);
    assert_true(z(s, "xn--") == 0);
    th_spelling_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(generated_stand_out),
        cmocka_unit_test(learns_local_names_from_the_next_day_on),
        cmocka_unit_test(odd_labels_are_safe), cmocka_unit_test(real_families),
        cmocka_unit_test(kinds_of_families), cmocka_unit_test(international_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
