/* SPDX-License-Identifier: Apache-2.0 */
/* The key chain of a folder of kept packets: its file "keys" (magic "TPKK", base/seal.h) has the
 * data keys, each as number u32 and sealed by the sensor's key. */
#ifndef TH_KEEP_KEYS_H
#define TH_KEEP_KEYS_H

#include "base/io.h"
#include "crypto/keychain.h"

/* With `make`, a folder without the file gets one. -ENOENT, TH_E_SIGNATURE: another sensor's key;
 * an error of base/seal.h. */
int keep_keys_open(const struct th_io *io, const uint8_t key[TH_KEYCHAIN_KEY_BYTES], bool make,
    struct th_keychain **ret) TH_WARN_UNUSED;

#endif
