/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail says of itself as an event of kind `smtp`: one that was sent (smtp.c), and one that a
 * client fetched from its box (pop3.c, imap.c), which has no envelope. */
#ifndef TH_PROTO_MAIL_EVENT_H
#define TH_PROTO_MAIL_EVENT_H

#include "mail.h"

/* Lists point into the arena, texts into the head. */
void th_mail_set(struct th_ev_smtp *ev, struct th_arena *a, const struct th_mail_head *h);

/* Of one connection: the mail that comes, and how many there were. */
struct th_fetched {
    struct th_mail *mail; /* NULL: none comes */
    uint32_t depth;
    int64_t first_ns, last_ns;
};
/* The server begins to send one; one that was begun before ends there. */
void th_mail_fetch(
    struct th_conn *c, enum th_service service, struct th_fetched *f, int64_t time_ns);
/* It is over and becomes an event; complete: all of it came. Nothing, when none was begun. */
void th_mail_fetched(
    struct th_conn *c, enum th_service service, struct th_fetched *f, bool complete);

#endif
