/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, over a libcurl handle that is used again and again. */
#ifndef TH_LINK_EXCHANGE_H
#define TH_LINK_EXCHANGE_H

#include <curl/curl.h>

#include "base/buf.h"
#include "link/client.h"

struct th_exchange {
    enum th_link_request request;
    CURL *easy;
    char *master; /* what its paths lie below */
    CURLM *busy;  /* in there; NULL: idle */
    struct curl_slist *headers;
    struct th_buf body, answer;
    uint64_t sequence, next; /* BATCH: what it carries, what comes behind it */
    int64_t retry_after_ns;  /* of the answer's header; 0: none */
    bool weak;               /* the connection was not fit to be used */
    char error[CURL_ERROR_SIZE];
};

/* TH_E_CONFIG when libcurl does not take a text. resolve stays the caller's. */
int th_exchange_init(struct th_exchange *x, enum th_link_request request,
    const struct th_link_config *config, struct curl_slist *resolve);
void th_exchange_done(struct th_exchange *x);
/* Where the next request goes, a path below the master's; PACKETS alone has more than one. */
void th_exchange_to(struct th_exchange *x, const char *path);
/* Begins; body was filled in by the caller (nothing for COMMANDS). headers are taken over. */
void th_exchange_start(struct th_exchange *x, CURLM *multi, struct curl_slist *headers);
/* Takes it out, at its end or before. */
void th_exchange_stop(struct th_exchange *x);
/* Why it failed, for a person: printable ASCII, no secrets. */
const char *th_exchange_failure(struct th_exchange *x, CURLcode code);

#endif
