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
    uint16_t port;             /* of the peer; 0: 443 */
    const char *host, *detail; /* of the peer ("": no name; NULL: any), and the example in words */
};

/* What each model needs, sequences in their order. */
static const struct {
    const char *id;
    struct want need[4]; /* ends with an empty one */
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
    {"account-changed-remotely",
        {{"remote-administration", 1, true, 0, NULL, "created an account, X"}}},
    {"administered-from-outside", {{"new-client", 1, false, 3389, NULL, NULL}}},
    {"administration-at-unusual-hour",
        {{"unusual-hour", 4, true, 0, NULL, "at 3:00 UTC; so on 0 of 12 such days"},
            {"new-admin-peer", 1, true}}},
    {"administration-outside", {{"new-destination", 1, false, 22, NULL, NULL}}},
    {"anonymity-network", {{"new-destination", 1, false, 9001, "", NULL}}},
    {"attacked-then-administers", {{"brute-force-against", 60, true}, {"new-admin-peer", 1, true}}},
    {"brute-force-then-execution", {{"brute-force", 60, true}, {"remote-administration", 1, true}}},
    {"calls-then-exfiltration", {{"beacon", 40, false}, {"upload", 2e9, false}}},
    {"chat-relay", {{"new-destination", 1, false, 6667, NULL, NULL}}},
    {"control-network-first-used", {{"new-service-port", 1, true, 502, NULL, NULL}}},
    {"database-first-used", {{"new-service-port", 1, true, 3306, NULL, NULL}}},
    {"database-open-to-outside", {{"new-client", 1, false, 6379, NULL, NULL}}},
    {"dead-drop", {{"new-client-fingerprint", 1, false, 0, "pastebin.com", NULL}}},
    {"directory-replication",
        {{"remote-administration", 1, true, 0, NULL, "asked for the directory's secrets (repli"}}},
    {"download-then-scan", {{"executable-download", 1, false}, {"scan-internal", 40, true}}},
    {"dynamic-dns", {{"new-destination", 1, false, 0, "home.duckdns.org", NULL}}},
    {"encrypted-dns-elsewhere", {{"new-destination", 1, false, 853, NULL, NULL}}},
    {"event-log-cleared", {{"remote-administration", 1, true, 0, NULL, "cleared an event log, X"}}},
    {"exfiltration-at-unusual-hour",
        {{"unusual-hour", 4, false, 0, NULL, "at 3:00 UTC; so on 0 of 12 such days"},
            {"upload", 2e9, false}}},
    {"exfiltration-to-file-drop", {{"upload", 2e9, false, 0, "gfs1.mega.co.nz", NULL}}},
    {"exposed-then-calls-out",
        {{"connections-in-external", 400, false}, {"new-destination", 1, false}}},
    {"flooded", {{"burst-in", 4000, true}, {"connections-from-strangers", 4000, true}}},
    {"floods-a-host", {{"connections-to-one", 40000, true}, {"burst-out", 4000, true}}},
    {"forced-authentication",
        {{"remote-administration", 1, true, 0, NULL, "made a print server call back, X"}}},
    {"logon-hunt",
        {{"remote-administration", 1, true, 0, NULL, "listed sessions, X"},
            {"internal-peers", 40, true}}},
    {"mail-sent-past-us", {{"new-service-port", 1, false, 25, NULL, NULL}}},
    {"outside-proxy", {{"new-destination", 1, false, 1080, NULL, NULL}}},
    {"peer-to-peer",
        {{"external-peers", 200, false}, {"destination-ports", 90, false},
            {"failed-peers", 40, false}}},
    {"posts-to-new-destination", {{"http-posts", 90, false}, {"new-destination", 1, false}}},
    {"program-from-bare-address", {{"executable-download", 1, false, 0, "", NULL}}},
    {"program-pushed-and-run",
        {{"remote-administration", 1, true, 0, NULL, "wrote a program to a share, X"},
            {"remote-administration", 1, true, 0, NULL, "started a service, X"}}},
    {"registry-changed-remotely",
        {{"remote-administration", 1, true, 0, NULL, "changed the registry, X"}}},
    {"remote-access-tool", {{"new-destination", 1, false, 0, "relay-7.net.anydesk.com", NULL}}},
    {"remote-task", {{"remote-administration", 1, true, 0, NULL, "registered a task, X"}}},
    {"remote-wmi", {{"remote-administration", 1, true, 0, NULL, "called a WMI method, X"}}},
    {"slow-exfiltration", {{"outflow-grown", 2e8, false}}},
    {"suddenly-a-server", {{"clients", 40, true}, {"new-clients", 40, true}}},
    {"theft-then-ransom", {{"upload", 2e9, false}, {"smb-renames", 400, true}}},
    {"tunnel-service", {{"new-destination", 1, false, 0, "tunnel.eu.ngrok.com", NULL}}},
    {"user-at-unusual-hour",
        {{"unusual-hour", 4, true, 0, NULL, "at 3:00 UTC; so on 0 of 12 such days"},
            {"new-credential", 1, true}}},
    {"vpn-to-outside", {{"new-destination", 1, false, 51820, NULL, NULL}}},
    {"worm-like-spread",
        {{"admin-connections", 90, true}, {"connections-to-strangers", 90, true},
            {"internal-peers", 90, true}}},
    {"administered-then-commands",
        {{"new-admin-client", 1, true}, {"controller-command", 1, true}}},
    {"calls-with-faulty-certificate",
        {{"faulty-certificate", 1, false, 0, NULL, "expired certificate"}, {"beacon", 40, false}}},
    {"clear-text-administrator", {{"clear-text-login", 1, true, 0, NULL, "user root, telnet"}}},
    {"clear-text-login-inside", {{"clear-text-login", 1, true}}},
    {"clear-text-login-outside", {{"clear-text-login", 1, false}}},
    {"controller-reprogrammed",
        {{"controller-command", 1, true, 0, NULL, "changed the program, S7"}}},
    {"controller-write", {{"controller-command", 1, true, 0, NULL, "wrote values, Modbus"}}},
    {"faulty-certificate",
        {{"new-destination", 1, false},
            {"faulty-certificate", 1, false, 0, NULL, "self-signed certificate"}}},
    {"outdated-tls-outside", {{"faulty-certificate", 1, false, 0, NULL, "outdated, TLSv10"}}},
    {"upload-under-faulty-certificate",
        {{"faulty-certificate", 1, false, 0, NULL, "certificate of another name"},
            {"upload", 2e9, false}}},
    {"credential-from-unusual-device",
        {{"user-new-source", 1, true}, {"user-new-target", 1, true}}},
    {"credential-from-many-devices", {{"user-sources", 6, true}, {"user-new-source", 1, true}}},
    {"credential-at-unusual-hour",
        {{"user-unusual-hour", 1, true, 0, NULL, "at 3:00 UTC; so on 0 of 12 such days"},
            {"user-new-source", 1, true}}},
    {"spray-against-one-account", {{"user-failed-from-several", 9, true}}},
    {"user-at-many-new-hosts", {{"user-targets", 9, true}, {"user-new-target", 1, true}}},
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
            need[n].host ? need[n].host : "a.example", 1);
        v[n].peer.inside = need[n].inside;
        v[n].peer.port = need[n].port ? need[n].port : 443;
        snprintf(v[n].detail, sizeof(v[n].detail), "%s", need[n].detail ? need[n].detail : "");
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
        struct want other = need[0];
        other.port = 443;
        other.host = "a.example";
        other.detail = "looked at the clock";
        struct want changed[4] = {other, need[1], need[2]};
        if ((need[0].port || need[0].host || need[0].detail) &&
            fires(m, library[i].id, changed, 4, 1) != 0)
            fail_msg("%s fires whatever its signal says", library[i].id);
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
