/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of connections and files as text: a letter, then 64 bits as 11 digits of base 62. They look
 * like Zeek's, which have 17 digits and stay as they are where they are read. With 64 bits two of
 * a thousand million connections have the same id with a chance of 2.7 %, and such two are found
 * together, told apart by their times and addresses; in return an id is 12 characters, which the
 * database keeps without a pointer, and 8 bytes on disk and not 13.
 */
#ifndef TH_BASE_ID_H
#define TH_BASE_ID_H

#include <stdint.h>

#define TH_ID_TEXT_LEN 13 /* with a terminating zero */

void th_id_text(char first, uint64_t id, char out[TH_ID_TEXT_LEN]);

#endif
