/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_TESTS_UNIT_CRYPTO_HEX_H
#define TH_TESTS_UNIT_CRYPTO_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Published vectors come as hexadecimal; returns how many bytes they are. */
static inline size_t unhex(const char *text, uint8_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        size_t high = (size_t)(strchr(digits, text[2 * i]) - digits);
        size_t low = (size_t)(strchr(digits, text[2 * i + 1]) - digits);
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return n;
}

#endif
