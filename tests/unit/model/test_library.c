/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models that come with Thymus: all compile, each fires on the signals that it asks for
 * and keeps still when they are ordinary. (That the signals themselves arise from
 * traffic is shown by the scenarios.)
 */
#include "unit.h"

#include <dirent.h>

#include "make_window.h"

struct want {
    const char *feature;
    double observed;
    bool inside;
};

/* What each model needs, sequences in their order. */
static const struct {
    const char *id;
    struct want need[3];
} library[] = {
    {"address-sweep", {{"address-sweep", 40, true}}},
    {"beacon-to-new-destination", {{"beacon", 40, false}, {"new-destination", 1, false}}},
    {"attacked-from-outside", {{"connections-in-external", 400, false}}},
    {"beacon-to-rare-destination", {{"beacon", 40, false}}},
    {"brute-force", {{"brute-force", 40, true}}},
    {"brute-force-against", {{"brute-force-against", 40, true}}},
    {"credential-abuse", {{"new-credential", 1, true}, {"new-admin-peer", 1, true}}},
    {"crypto-mining", {{"mining", 4, false}}},
    {"data-exfiltration", {{"upload", 2e9, false}}},
    {"data-staging", {{"data-staging", 2e9, true}}},
    {"dns-tunnel", {{"dns-tunnel", 4000, false}}},
    {"download-then-callback", {{"executable-download", 1, false}, {"beacon", 40, false}}},
    {"executable-from-rare-host", {{"executable-download", 1, false}}},
    {"external-scan", {{"scan-external", 40, false}}},
    {"generated-domains", {{"generated-names", 40, false}}},
    {"internal-beacon", {{"beacon-internal", 40, true}}},
    {"internal-scan", {{"scan-internal", 40, true}}},
    {"lateral-movement", {{"lateral-path", 2, true}}},
    {"long-connection-to-rare-destination", {{"long-connection", 9000, false}}},
    {"new-administration", {{"new-admin-peer", 1, true}}},
    {"new-rare-destination-with-unusual-client",
        {{"new-destination", 1, false}, {"new-client-fingerprint", 1, false}}},
    {"password-spray", {{"strange-logins", 5, true}}},
    {"port-scan", {{"port-scan", 40, true}}},
    {"ransomware-like-smb", {{"smb-renames", 400, true}}},
    {"remote-execution", {{"remote-administration", 2, true}}},
    {"scan-then-administration", {{"scan-internal", 40, true}, {"new-admin-peer", 1, true}}},
    {"uncommon-port-to-rare-destination",
        {{"new-destination", 1, false}, {"new-service-port", 1, false}}},
    {"unusual-volume", {{"bytes-out", 2e9, false}}},
};

static struct th_models *load(void)
{
    struct th_models *m = th_models_new();
    struct dirent **names;
    int n = scandir(MODELS_DIR, &names, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (th_str_ends(th_str_c(names[i]->d_name), ".yaml")) {
            TH_AUTOFREE char *path = th_xasprintf("%s/%s", MODELS_DIR, names[i]->d_name);
            TH_AUTOFCLOSE FILE *f = fopen(path, "re");
            char text[16384];
            struct th_model_error err;
            assert_non_null(f);
            size_t len = fread(text, 1, sizeof(text), f);
            if (th_models_add(m, text, len, &err) < 0)
                fail_msg("%s: line %d: %s", names[i]->d_name, err.line, err.text);
        }
        free(names[i]);
    }
    free(names);
    return m;
}

/* How often the model of this id breaches on these signals. */
static unsigned fires(
    struct th_models *m, const char *id, const struct want *need, double lgp, double observed_times)
{
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct th_signal v[3];
    struct caught c = {0};
    unsigned n = 0;
    unsigned count = 0;
    for (; n < 3 && need[n].feature; n++) {
        v[n] = with_peer(signal_make(need[n].feature, need[n].observed * observed_times, lgp), 5,
            "a.example", 1);
        v[n].peer.inside = need[n].inside;
    }
    struct th_window w = window_make(7, H0, v, n);
    th_scorer_window(s, &w, catch_breach, &c);
    for (unsigned i = 0; i < c.count; i++)
        count += strcmp(th_models_info(m, c.b[i].model)->id, id) == 0;
    th_scorer_free(s);
    return count;
}

static void each_fires_and_each_keeps_still(void **state)
{
    (void)state;
    struct th_models *m = load();
    for (size_t i = 0; i < TH_ARRAY_LEN(library); i++) {
        const struct want *need = library[i].need;
        if (fires(m, library[i].id, need, 4, 1) != 1)
            fail_msg("%s does not fire", library[i].id);
        if (fires(m, library[i].id, need, 0.4, 1) != 0)
            fail_msg("%s fires on what is ordinary", library[i].id);
        if (need[1].feature && fires(m, library[i].id, need + 1, 4, 1) != 0)
            fail_msg("%s fires without its first component", library[i].id);
    }
    th_models_free(m);
}

static void the_table_names_every_model(void **state)
{
    (void)state;
    struct th_models *m = load();
    assert_int_equal(th_models_count(m), TH_ARRAY_LEN(library));
    for (unsigned i = 0; i < th_models_count(m); i++) {
        const struct th_model_info *info = th_models_info(m, i);
        size_t k = 0;
        while (k < TH_ARRAY_LEN(library) && strcmp(library[k].id, info->id) != 0)
            k++;
        if (k == TH_ARRAY_LEN(library))
            fail_msg("%s has no test", info->id);
        assert_true(info->technique[0] == 'T' && strlen(info->technique) >= 5);
        assert_true(strlen(info->description) > 60);
    }
    th_models_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fires_and_each_keeps_still),
        cmocka_unit_test(the_table_names_every_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
