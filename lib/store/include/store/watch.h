/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch over a statement while it works: SQL calls th_go_on(_time) in its costly conditions, some
 * two thousand rows apart, and the caller says whether it is to go on. A step of a statement
 * (store/duck.h) is over after a number of rows, however much each of them costs; with the watch a
 * statement that must end does so at once, without a thread or a signal.
 */
#ifndef TH_STORE_WATCH_H
#define TH_STORE_WATCH_H

#include "store/duck.h"

/* Makes the function known. go_on false ends the statement that runs: its step returns
 * TH_E_DATABASE. go_on must not use the database. */
int th_duck_watch(struct th_duck *d, bool (*go_on)(void *arg), void *arg) TH_WARN_UNUSED;

#endif
