/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's way into a running master: the socket run/control of its instance, which only the
 * owner of the folder reaches. A request is a route's name and a JSON body; the answer is an HTTP
 * status and a JSON body, as the API's routes have them.
 */
#ifndef TH_COMMON_CONTROL_H
#define TH_COMMON_CONTROL_H

#include "base/buf.h"
#include "base/err.h"

enum th_control_msg { TH_CONTROL_REQUEST = 10, TH_CONTROL_ANSWER = 11 };

/* Asks and waits, at most timeout_ms. -ENOENT or -ECONNREFUSED: no master runs there. */
int th_control_ask(const char *instance_path, const char *route, struct th_str body_json,
    int timeout_ms, unsigned *ret_status, struct th_buf *ret_body) TH_WARN_UNUSED;

#endif
