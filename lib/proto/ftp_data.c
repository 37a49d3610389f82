/* SPDX-License-Identifier: Apache-2.0 */
/* The data connection of FTP (RFC 959 3.2), as ftp.c announces it: all bytes of it are the file. */
#include "analysers.h"

#include "transfer.h"

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct th_transfer *t = state;
    th_conn_service(c, TH_SVC_FTP_DATA);
    if (!t->file && ch->len > 2 && ch->p[0] == 0x16 && ch->p[1] == 3)
        return th_conn_restart(c, ch); /* RFC 4217: TLS */
    if (!t->announced.name.len)
        return TH_DONE;
    th_transfer_begin(c, t, TH_SVC_FTP_DATA, ch);
    if (ch->dir == t->dir)
        th_file_data(t->file, ch->time_ns, ch->p, ch->len);
    return TH_GO_ON;
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct th_transfer *t = state;
    (void)c;
    (void)time_ns;
    if (t->file && dir == t->dir)
        th_file_gap(t->file, len);
    return TH_GO_ON;
}

static void fin(struct th_conn *c, void *state, int dir, int64_t time_ns)
{
    struct th_transfer *t = state;
    (void)c;
    (void)time_ns;
    t->finished = t->finished || dir == t->dir;
}

const struct th_analyser th_ftp_data_analyser = {
    .service = TH_SVC_FTP_DATA,
    .tcp = true,
    .state_bytes = sizeof(struct th_transfer),
    .held = th_transfer_held,
    .data = data,
    .gap = gap,
    .fin = fin,
    .end = th_transfer_end,
};
