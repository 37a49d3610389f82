/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a sensor itself: its signing key, made at the first start and never leaving its state
 * folder (mode 0600), and the ids that its master gave it.
 *
 * Files: "key" (magic "TSKY"), "enrolment" (magic "TSEN"), both sealed as of base/seal.h.
 */
#ifndef TH_VSENSOR_OWN_H
#define TH_VSENSOR_OWN_H

#include "base/io.h"
#include "crypto/sign.h"

struct th_own {
    struct th_sign_key key;
    uint64_t sensor, instance; /* 0: not enrolled yet */
};

/* Reads both files; makes the key when there is none. A damaged key is an error: it is the
 * operator's to decide that the sensor enrols anew. */
int th_own_open(const struct th_io *io, struct th_own *ret) TH_WARN_UNUSED;
int th_own_enrolled(
    const struct th_io *io, struct th_own *own, uint64_t sensor, uint64_t instance) TH_WARN_UNUSED;

#endif
