/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail as it passes, line by line (RFC 5322, MIME: RFC 2045, RFC 2046): its headers are kept as
 * short texts, what is attached becomes `files` events with the hash of the decoded bytes. Bodies
 * that are text are passed over. Whoever carries the mail owns this and takes the fields out of it.
 */
#ifndef TH_PROTO_MAIL_H
#define TH_PROTO_MAIL_H

#include "files.h"
#include "lines.h"

#define TH_MAIL_FILES_MAX 32u
#define TH_MAIL_PATH_MAX 8u

struct th_mail;

struct th_mail_head {
    struct th_text from, to, cc, subject, message_id, reply_to, agent, originating_ip;
    struct th_text received[2]; /* the two topmost: what the last servers said */
    struct th_addr path[TH_MAIL_PATH_MAX];
    uint8_t path_count;
    char fuid[TH_MAIL_FILES_MAX][TH_FUID_LEN];
    uint8_t files;
};

/* dir: who sends it. */
struct th_mail *th_mail_new(struct th_conn *c, enum th_service source, int dir);
/* A line without its end; of one that is too long its pieces. */
void th_mail_line(struct th_mail *m, int64_t time_ns, struct th_str line);
void th_mail_gap(struct th_mail *m, uint64_t len);
/* No more lines. complete: the carrier said so. */
void th_mail_end(struct th_mail *m, bool complete);
const struct th_mail_head *th_mail_head(const struct th_mail *m);
/* Bytes that it takes up, for the memory cap; m may be NULL. */
size_t th_mail_held(const struct th_mail *m);
void th_mail_free(struct th_mail *m);

#endif
