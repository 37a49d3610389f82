/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of devices, by what they are about. Each runs at t->next_ns and sets the next time. */
#ifndef TH_LAB_APPS_H
#define TH_LAB_APPS_H

#include "net.h"

/* apps_web.c */
void lab_app_browse(struct lab_actor *a, struct lab_task *t);
void lab_app_saas(struct lab_actor *a, struct lab_task *t); /* t->host */
void lab_app_video(struct lab_actor *a, struct lab_task *t);
void lab_app_meeting(struct lab_actor *a, struct lab_task *t);
void lab_app_browser_start(struct lab_actor *a, struct lab_task *t);
void lab_app_check_cert(struct lab_actor *a, struct lab_task *t);

/* apps_poll.c */
void lab_app_poll(struct lab_actor *a, struct lab_task *t); /* host, period, jitter, up, down */
void lab_app_push(struct lab_actor *a, struct lab_task *t); /* long-lived connection to host */
void lab_app_update(struct lab_actor *a, struct lab_task *t);
void lab_app_ntp(struct lab_actor *a, struct lab_task *t);
void lab_app_antivirus(struct lab_actor *a, struct lab_task *t);
void lab_app_stale_name(struct lab_actor *a, struct lab_task *t);
void lab_app_stale_peer(struct lab_actor *a, struct lab_task *t);
void lab_give_poller(struct lab_sim *s, struct lab_device *d, struct lab_host *h);
void lab_give_pollers(struct lab_sim *s, struct lab_device *d);

/* apps_lan.c */
void lab_app_presence(struct lab_actor *a, struct lab_task *t); /* power, DHCP, what follows */
void lab_app_arp(struct lab_actor *a, struct lab_task *t);
void lab_app_mdns(struct lab_actor *a, struct lab_task *t);
void lab_app_llmnr(struct lab_actor *a, struct lab_task *t);
void lab_app_browser_service(struct lab_actor *a, struct lab_task *t); /* NetBIOS datagrams */
void lab_app_ssdp(struct lab_actor *a, struct lab_task *t);

/* apps_windows.c */
void lab_windows_logon(struct lab_actor *a, int64_t ts); /* after power-on */
void lab_app_policy(struct lab_actor *a, struct lab_task *t);
void lab_app_files(struct lab_actor *a, struct lab_task *t);
void lab_app_directory(struct lab_actor *a, struct lab_task *t);
void lab_app_intranet(struct lab_actor *a, struct lab_task *t);

/* apps_office.c: mail, print, administration */
void lab_app_mail(struct lab_actor *a, struct lab_task *t);
void lab_app_print(struct lab_actor *a, struct lab_task *t);
void lab_app_admin(struct lab_actor *a, struct lab_task *t);

/* apps_things.c */
void lab_give_things(struct lab_sim *s, struct lab_device *d);

/* apps_servers.c */
void lab_give_servers(struct lab_sim *s, struct lab_device *d);

/* records.c: what analysers see inside connections of a Windows network */
void lab_kerberos(struct lab_actor *a, int64_t ts, const struct lab_device *dc, const char *request,
    struct th_str client, struct th_str service, const char *error);
/* An SMB connection with a mapped share; add actions, then submit. */
struct lab_flow *lab_smb(struct lab_actor *a, int64_t ts, const struct lab_device *to,
    const char *share, int64_t dur_ns, uint64_t up, uint64_t down);
void lab_smb_file(struct lab_actor *a, struct lab_flow *f, int64_t ts, const char *action,
    struct th_str name, uint64_t size, struct th_str prev_name);
void lab_ntlm(struct lab_actor *a, struct lab_flow *f, int64_t ts, const struct lab_device *to,
    const char *user, bool success);
void lab_rpc(struct lab_actor *a, struct lab_flow *f, int64_t ts, const char *pipe,
    const char *endpoint, const char *operation);
void lab_ssh(struct lab_actor *a, int64_t ts, const struct lab_device *to, int64_t dur_ns,
    uint64_t up, uint64_t down, bool success);
void lab_rdp(struct lab_actor *a, int64_t ts, const struct lab_device *to, int64_t dur_ns,
    const char *user, bool success);
/* A random device of a kind, or the n-th; NULL when there is none. */
struct lab_device *lab_any(struct lab_actor *a, enum lab_kind k);
struct lab_device *lab_nth(struct lab_sim *s, enum lab_kind k, uint32_t n);
/* Asks who has an address; answer NULL: nobody. (apps_lan.c) */
void lab_arp_ask(
    struct lab_actor *a, int64_t ts, const struct th_addr *about, const struct th_mac *answer);

#endif
