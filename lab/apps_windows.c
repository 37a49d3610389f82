/* SPDX-License-Identifier: Apache-2.0 */
/* A domain member: logging on, policies, directory lookups, files. */
#include "apps.h"
#include "base/mem.h"

#include <stdio.h>

static struct th_str user_at(struct lab_actor *a, char *out, size_t size)
{
    const struct lab_person *p = &a->sim->person[a->dev->person];
    int n = snprintf(out, size, "%s/%s", p->user, lab_own_domain(a));
    return th_str_n(out, TH_MIN((size_t)n, size - 1));
}

static void ticket(struct lab_actor *a, int64_t ts, const struct lab_device *to, const char *class)
{
    char client[128], service[160];
    struct th_str c = user_at(a, client, sizeof client);
    int n = snprintf(service, sizeof service, "%s/%s", class, to->fqdn);
    lab_kerberos(a, ts, lab_dns_server(a), "TGS", c, th_str_n(service, (size_t)n), NULL);
}

static void find_dc(struct lab_actor *a, int64_t ts)
{
    char name[160], target[96];
    const struct lab_device *dc = lab_dns_server(a);
    int n = snprintf(name, sizeof name, "_ldap._tcp.default-first-site-name._sites.dc._msdcs.%s",
        lab_own_domain(a));
    int m = snprintf(target, sizeof target, "%s", dc->fqdn);
    struct th_str one[] = {th_str_n(target, (size_t)m)};
    static const int64_t ttl[] = {600 * TH_NS_PER_S};
    struct th_strs v = {.v = one, .n = 1};
    lab_query(a, ts, th_str_n(name, (size_t)n), LAB_DNS_SRV, 0, &v, ttl);
    lab_lookup(a, ts + 2 * TH_NS_PER_MS, &dc->as_host);
    lab_talk_to(a, ts + 4 * TH_NS_PER_MS, LAB_UDP, dc, 389, NULL, 0, 206, 174);
}

static void netlogon(struct lab_actor *a, int64_t ts)
{
    struct lab_device *dc = lab_own(a, LAB_DC);
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, dc, 135);
    f->service = "dce_rpc";
    f->up = 328;
    f->down = 280;
    f->dur_ns = 13 * TH_NS_PER_S;
    lab_rpc(a, f, ts + TH_NS_PER_MS, "135", "epmapper", "ept_map");
    lab_submit(a, f);
    f = lab_open_to(a, ts + 8 * TH_NS_PER_MS, LAB_TCP, dc, 49667);
    f->service = "dce_rpc";
    f->up = 1900;
    f->down = 1400;
    f->dur_ns = 13 * TH_NS_PER_S;
    static const char *const calls[] = {"NetrServerReqChallenge", "NetrServerAuthenticate3",
        "NetrLogonGetDomainInfo", "NetrLogonSamLogonEx"};
    for (unsigned i = 0; i < TH_ARRAY_LEN(calls); i++)
        lab_rpc(a, f, ts + (12 + 3 * i) * TH_NS_PER_MS, "49667", "netlogon", calls[i]);
    lab_submit(a, f);
}

static void logon_ticket(struct lab_actor *a, int64_t ts)
{
    char client[128], service[128];
    const struct lab_device *dc = lab_dns_server(a);
    struct th_str c = user_at(a, client, sizeof client);
    int n = snprintf(service, sizeof service, "krbtgt/%s", lab_own_domain(a));
    struct th_str tgt = th_str_n(service, (size_t)n);
    lab_kerberos(a, ts, dc, "AS", c, tgt, "KDC_ERR_PREAUTH_REQUIRED");
    if (lab_chance(&a->rng, 0.05)) { /* a password mistyped */
        lab_kerberos(a, ts + 900 * TH_NS_PER_MS, dc, "AS", c, tgt, "KDC_ERR_PREAUTH_FAILED");
        ts += 9 * TH_NS_PER_S;
    }
    lab_kerberos(a, ts + TH_NS_PER_S, dc, "AS", c, tgt, NULL);
}

static void read_policy(struct lab_actor *a, int64_t ts)
{
    struct lab_device *dc = lab_own(a, LAB_DC);
    char name[160];
    ticket(a, ts, dc, "cifs");
    struct lab_flow *f =
        lab_smb(a, ts + 30 * TH_NS_PER_MS, dc, "SYSVOL", 11 * TH_NS_PER_S, 9000, 12000);
    unsigned n = 2 + (unsigned)(a->dev->no % 4);
    for (unsigned i = 0; i < n; i++) {
        int len =
            snprintf(name, sizeof name, "%s\\Policies\\{31B2F340-016D-11D2-945F-%012X}\\gpt.ini",
                lab_own_domain(a), 0xC04FB984u + i);
        lab_smb_file(a, f, ts + (50 + 4 * i) * TH_NS_PER_MS, "SMB::FILE_OPEN",
            th_str_n(name, (size_t)len), 22 + i, (struct th_str){"", 0});
    }
    lab_submit(a, f);
}

void lab_windows_logon(struct lab_actor *a, int64_t ts)
{
    char name[96];
    find_dc(a, ts);
    netlogon(a, ts + TH_NS_PER_S);
    logon_ticket(a, ts + 6 * TH_NS_PER_S);
    ticket(a, ts + 9 * TH_NS_PER_S, lab_dns_server(a), "ldap");
    ticket(a, ts + 9100 * TH_NS_PER_MS, lab_dns_server(a), "host");
    lab_talk_to(a, ts + 10 * TH_NS_PER_S, LAB_TCP, lab_dns_server(a), 389, NULL, 2 * TH_NS_PER_MIN,
        7245, 16091);
    read_policy(a, ts + 12 * TH_NS_PER_S);
    int n = snprintf(name, sizeof name, "wpad.%s", lab_own_domain(a));
    lab_query(a, ts + 15 * TH_NS_PER_S, th_str_n(name, (size_t)n), LAB_DNS_A, 3, NULL, NULL);
}

void lab_app_policy(struct lab_actor *a, struct lab_task *t)
{
    find_dc(a, t->next_ns);
    ticket(a, t->next_ns + 300 * TH_NS_PER_MS, lab_dns_server(a), "ldap");
    lab_talk_to(a, t->next_ns + 400 * TH_NS_PER_MS, LAB_TCP, lab_dns_server(a), 389, NULL,
        lab_exp_ns(&a->rng, 20 * TH_NS_PER_S), 2954, 9000);
    read_policy(a, t->next_ns + TH_NS_PER_S);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.25);
}

/* Names of users and groups are looked up now and then: in file dialogues, at logons. */
void lab_app_directory(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *dc = lab_own(a, LAB_DC);
    int64_t ts = t->next_ns;
    if (lab_chance(&a->rng, 0.4)) {
        struct lab_flow *f = lab_smb(a, ts, dc, "IPC$", 10 * TH_NS_PER_S, 4000, 2200);
        f->service = "gssapi,smb,krb,dce_rpc";
        lab_rpc(a, f, ts + 8 * TH_NS_PER_MS, "\\pipe\\lsass", "lsarpc", "LsarOpenPolicy2");
        lab_rpc(a, f, ts + 10 * TH_NS_PER_MS, "\\pipe\\lsass", "lsarpc", "LsarLookupNames3");
        if (lab_chance(&a->rng, 0.25)) {
            lab_rpc(a, f, ts + 14 * TH_NS_PER_MS, "\\pipe\\lsass", "samr", "SamrConnect5");
            lab_rpc(
                a, f, ts + 16 * TH_NS_PER_MS, "\\pipe\\lsass", "samr", "SamrLookupNamesInDomain");
        }
        lab_submit(a, f);
    } else {
        lab_talk_to(a, ts, LAB_TCP, dc, 389, NULL, lab_exp_ns(&a->rng, 8 * TH_NS_PER_S),
            lab_bytes(&a->rng, 2200, 0.3, 500, 9000), lab_bytes(&a->rng, 2000, 1, 300, 400000));
    }
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.8);
}

static const char *const shares[] = {"Projects", "Finance", "Sales", "Public", "Engineering", "HR"};

static void file_name(struct lab_actor *a, char *out, size_t size)
{
    char dir[LAB_NAME_LEN], file[LAB_NAME_LEN];
    lab_name_word(&a->rng, dir);
    lab_name_file(&a->rng, file);
    snprintf(out, size, "%s\\%s", dir, file);
}

/* Word processors save by writing a new file and renaming. */
static void save_file(
    struct lab_actor *a, struct lab_flow *f, int64_t ts, struct th_str name, uint64_t size)
{
    char temp[24];
    int n = snprintf(temp, sizeof temp, "~WRD%04u.tmp", lab_below(&a->rng, 10000));
    struct th_str t = th_str_n(temp, (size_t)n), none = {"", 0};
    lab_smb_file(a, f, ts, "SMB::FILE_WRITE", t, size, none);
    lab_smb_file(a, f, ts + 300 * TH_NS_PER_MS, "SMB::FILE_RENAME", name, size, t);
}

void lab_app_files(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_person *p = &a->sim->person[a->dev->person];
    struct lab_device *fs = lab_own(a, LAB_FILE);
    const char *share = shares[lab_chance(&a->rng, 0.75) ? p->share : lab_below(&a->rng, 6)];
    int64_t ts = lab_lookup(a, t->next_ns, &fs->as_host) + TH_NS_PER_MS;
    int64_t len = lab_exp_ns(&a->rng, 9 * TH_NS_PER_MIN);
    if (lab_chance(&a->rng, 0.3))
        ticket(a, ts, fs, "cifs");
    if (lab_is_down(a->sim, fs->as_host.key, ts)) {
        lab_talk_to(a, ts, LAB_TCP, fs, 445, NULL, 0, 0, 0);
        t->next_ns = lab_rhythm_next(a, ts + TH_NS_PER_MIN, t->period_ns / 3);
        return;
    }
    unsigned n = 1 + lab_below(&a->rng, 8);
    uint64_t sizes[8];
    bool write[8];
    uint64_t up = 3000, down = 4000;
    for (unsigned i = 0; i < n; i++) {
        sizes[i] = lab_bytes(&a->rng, 90000, 1.6, 300, 300000000);
        write[i] = lab_chance(&a->rng, 0.2);
        *(write[i] ? &up : &down) += sizes[i];
    }
    struct lab_flow *f = lab_smb(a, ts + 5 * TH_NS_PER_MS, fs, share, len, up, down);
    if (lab_chance(&a->rng, 0.1))
        lab_ntlm(a, f, ts + 8 * TH_NS_PER_MS, fs, p->user, lab_chance(&a->rng, 0.97));
    for (unsigned i = 0; i < n; i++) {
        char name[2 * LAB_NAME_LEN];
        file_name(a, name, sizeof name);
        int64_t at = ts + 20 * TH_NS_PER_MS + (int64_t)i * (len / 10);
        lab_smb_file(a, f, at, "SMB::FILE_OPEN", th_str_c(name), sizes[i], (struct th_str){"", 0});
        if (write[i])
            save_file(a, f, at + 50 * TH_NS_PER_MS, th_str_c(name), sizes[i]);
    }
    lab_submit(a, f);
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}

void lab_app_intranet(struct lab_actor *a, struct lab_task *t)
{
    struct lab_device *web = a->sim->by_kind[LAB_WEB];
    unsigned n = 1 + lab_below(&a->rng, 4);
    int64_t ts = t->next_ns;
    if (a->dev->os == LAB_OS_WINDOWS && lab_chance(&a->rng, 0.5))
        ticket(a, ts, web, "HTTP");
    for (unsigned i = 0; i < n; i++) {
        ts = lab_tls_inside(a, ts, web, 443, a->dev->browser,
            lab_bytes(&a->rng, 1500, 0.5, 300, 90000), lab_bytes(&a->rng, 40000, 1.0, 800, 9000000),
            lab_exp_ns(&a->rng, 12 * TH_NS_PER_S));
        ts += lab_exp_ns(&a->rng, 5 * TH_NS_PER_S);
    }
    t->next_ns = lab_rhythm_next(a, ts, t->period_ns);
}
