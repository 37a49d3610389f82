/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope around a batch on its way from a sensor to the master's log. It is made and
 * signed (Ed25519) when the batch enters the sensor's spool and stays as it is until it rests in
 * the log: no proxy, tunnel or relay in between can forge, alter, reorder or replay it.
 *
 * Signature, 64 bytes, over all that follows. Head, 96 bytes, little-endian: magic "TENV", version
 * u8, kind u8, flags u16, instance u64, sensor u64, epoch u64, sequence u64, sent_ns i64, raw_len
 * u32, payload_len u32, events u32, zero u32, complete_until_ns i64, first_ns i64, last_ns i64,
 * zero u64. Then the payload, a frame of event/batch.h. Limits: payload 1 MiB, raw 8 MiB; both are
 * held against the frame and zstd's frame size.
 */
#ifndef TH_LINK_ENVELOPE_H
#define TH_LINK_ENVELOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/sign.h"

#define TH_ENVELOPE_HEAD_BYTES 96u
#define TH_ENVELOPE_BYTES (TH_ENVELOPE_HEAD_BYTES + TH_SIGNATURE_BYTES)
#define TH_ENVELOPE_MAX_PAYLOAD (1u << 20)
#define TH_ENVELOPE_MAX_RAW (8u << 20)
#define TH_LINK_VERSION 1u

enum th_envelope_kind { TH_ENVELOPE_EVENTS = 1, TH_ENVELOPE_GAP = 2 };

enum th_envelope_flag {
    TH_ENVELOPE_REPLAY = 1 /* recorded input: its time is its own, not the sensor's clock */
};

struct th_envelope {
    uint8_t version, kind;
    uint16_t flags;
    uint64_t instance; /* that it is for */
    uint64_t sensor;
    uint64_t epoch;    /* of the spool: larger for each spool that the sensor makes new */
    uint64_t sequence; /* in the epoch, from 0, without gaps */
    int64_t sent_ns;   /* sensor's clock when it entered the spool */
    uint32_t raw_len;  /* of the frame before compression; 0 for a GAP */
    uint32_t events;
    int64_t complete_until_ns, first_ns, last_ns; /* as in the frame's head */
    struct th_str payload;
};

/* Appends signature, head and payload. */
int th_envelope_put(
    struct th_buf *out, const struct th_envelope *e, const struct th_sign_key *key) TH_WARN_UNUSED;
/* Reads and checks everything but the signature; views point into data. TH_E_TRUNCATED,
 * TH_E_UNKNOWN_FORMAT, TH_E_VERSION, TH_E_LIMIT, TH_E_MALFORMED. */
int th_envelope_get(const uint8_t *data, size_t len_bytes, struct th_envelope *ret) TH_WARN_UNUSED;
/* Whose it says to be; nothing else is looked at. TH_E_TRUNCATED. */
int th_envelope_sensor(struct th_str envelope, uint64_t *ret) TH_WARN_UNUSED;
/* 0 or TH_E_SIGNATURE, for data that th_envelope_get took. */
int th_envelope_verify(const uint8_t *data, size_t len_bytes,
    const uint8_t public_key[TH_SIGN_PUBLIC_BYTES]) TH_WARN_UNUSED;

/* A GAP takes the place of batches that a full spool dropped: its payload is
 * batches u64, events u64, first_ns i64, last_ns i64. */
struct th_envelope_gap {
    uint64_t batches, events;
    int64_t first_ns, last_ns;
};
void th_envelope_gap_put(struct th_buf *payload, const struct th_envelope_gap *g);
int th_envelope_gap_get(struct th_str payload, struct th_envelope_gap *ret) TH_WARN_UNUSED;

#endif
