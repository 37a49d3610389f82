/* SPDX-License-Identifier: Apache-2.0 */
/* A batch reader over any bytes: first as a whole frame, then as the inside of a well-formed one,
 * so that the search is not stopped by checksum and compression. */
#include <zstd.h>

#include "base/hash.h"
#include "event/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touched; /* keeps reads of views from being optimised away */

static void touch(const struct th_event *ev)
{
    const struct th_kind_info *k = th_kind_get(ev->kind);
    for (unsigned i = 0; i < k->field_count; i++) {
        const void *at = th_event_field(ev, &k->fields[i]);
        if (k->fields[i].type == TH_TYPE_STRING)
            touched += th_siphash(&(struct th_hash_key){0}, ((const struct th_str *)at)->p,
                ((const struct th_str *)at)->len);
        if (k->fields[i].type == TH_TYPE_STRINGS)
            for (uint32_t s = 0; s < ((const struct th_strs *)at)->n; s++)
                touched += ((const struct th_strs *)at)->v[s].len;
    }
}

static void read_frame(const uint8_t *frame, size_t len)
{
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *ev;
    if (th_batch_open(r, frame, len, &head) == 0)
        while (th_batch_next(r, &ev) > 0)
            touch(ev);
    th_batch_reader_free(r);
}

static void read_inside(const uint8_t *data, size_t size)
{
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    th_buf_puts(&out, "TEVF");
    th_buf_put(&out, (uint8_t[16]){1, TH_FRAME_EVENTS}, 16);
    th_buf_put(&out, (uint8_t[TH_BATCH_HEAD_BYTES]){[8] = data[0], [9] = data[1] & 15},
        TH_BATCH_HEAD_BYTES);
    size_t bound = ZSTD_compressBound(size - 2);
    uint8_t *to = th_buf_reserve(&out, bound);
    th_buf_commit(&out, ZSTD_compress(to, bound, data + 2, size - 2, -5));
    struct th_buf head TH_AUTOBUF = TH_BUF_INIT;
    th_buf_le32(&head, (uint32_t)out.len - TH_FRAME_HEAD_BYTES);
    th_buf_le32(&head, (uint32_t)size - 2);
    th_buf_le32(&head, th_crc32c(0, out.p + TH_FRAME_HEAD_BYTES, out.len - TH_FRAME_HEAD_BYTES));
    memcpy(out.p + 8, head.p, head.len);
    read_frame(out.p, out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_source_info info;
    read_frame(data, size);
    if (th_source_info_get(data, size, &info) == 0)
        touched += info.format.len + info.message.len;
    if (size > 2)
        read_inside(data, size);
    return 0;
}
