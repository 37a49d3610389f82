/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensors: who they are, and whether they may send. A sensor is its Ed25519 key: the id is made out
 * of it, so that whoever enrols twice with one key is the same sensor. The truth is in the log:
 * a control says what a sensor is from its position on, and these tables follow.
 */
#ifndef TH_ACCOUNT_SENSOR_H
#define TH_ACCOUNT_SENSOR_H

#include "account/account.h"
#include "account/token.h"
#include "account/user.h"
#include "crypto/sign.h"

#define TH_SENSOR_ID_LEN 17u    /* 16 hexadecimal digits and a zero */
#define TH_SENSOR_MAX_NAME 128u /* bytes, with the zero; any text without control characters */
#define TH_SENSOR_MAX_VERSION 33u

struct th_sensor {
    char id[TH_SENSOR_ID_LEN];
    uint8_t key[TH_SIGN_PUBLIC_BYTES];
    char name[TH_SENSOR_MAX_NAME];
    char status[12]; /* "pending", "authorised", "revoked" */
    char token[TH_TOKEN_MAX_LABEL];
    char version[TH_SENSOR_MAX_VERSION];
    char address[TH_ACCOUNT_MAX_ADDRESS];
    char approved_by[TH_USER_MAX_NAME];
    int64_t first_ns, last_ns; /* last_ns: when it last enrolled or sent */
};

void th_sensor_id(const uint8_t key[TH_SIGN_PUBLIC_BYTES], char ret[TH_SENSOR_ID_LEN]);
bool th_sensor_status_is(struct th_str status);
/* -ENOENT */
int th_sensor_get(struct th_accounts *a, struct th_str id, struct th_sensor *ret) TH_WARN_UNUSED;
/* As a control says; the time of the first sight of a known one stays. */
void th_sensor_apply(struct th_accounts *a, const struct th_sensor *s);
void th_sensor_seen(struct th_accounts *a, struct th_str id, int64_t time_ns); /* a batch came */
/* It is gone; so is its token when that was revoked and no other sensor came with it. */
void th_sensor_forget(struct th_accounts *a, struct th_str id);
void th_sensor_put(const struct th_sensor *s, struct th_json *out);
void th_sensors_put(struct th_accounts *a, struct th_json *out);     /* a list, by name */
int64_t th_sensors_count(struct th_accounts *a, const char *status); /* NULL: all */

#endif
