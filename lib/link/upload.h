/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of asked-for packets on their way up, one request at a time: the master takes them by
 * their numbers, so that a part that was sent twice is kept once. A part that fails is tried again
 * for a while, and then given up; batches have their own way and their own patience.
 */
#ifndef TH_LINK_UPLOAD_H
#define TH_LINK_UPLOAD_H

#include "exchange.h"

struct th_upload {
    struct th_exchange exchange; /* its body is the part, until it is done with */
    bool has;                    /* there is a part that is not done with */
    char id[TH_LINK_MAX_WORD + 1];
    uint32_t number;
    bool last;
    int64_t since_ns;        /* when it came */
    int64_t at_ns, delay_ns; /* when it is tried, again */
};

/* Who sends, and when. */
struct th_upload_sender {
    const struct th_sign_key *key;
    uint64_t sensor;
    int64_t wall_ns;
};

int th_upload_init(struct th_upload *u, const struct th_link_config *config,
    struct curl_slist *resolve) TH_WARN_UNUSED;
void th_upload_done(struct th_upload *u);
/* Takes the next part in; it is copied. */
void th_upload_take(struct th_upload *u, const struct th_link_part *part, int64_t now_ns);
void th_upload_start(struct th_upload *u, CURLM *multi, const struct th_upload_sender *sender);
/* Nothing more of it is sent. */
void th_upload_drop(struct th_upload *u);
/* Its exchange has ended. 1: the master has the part, negative: it is given up (-ECANCELED: the
 * master wants no more of these packets, -ETIMEDOUT); 0: it is tried again. */
int th_upload_ended(struct th_upload *u, CURLcode code, int64_t now_ns);

#endif
