/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity's state as a file: bytes with a header put right (so that the checksum does
 * not hide the tables from the fuzzer) are loaded; what loads must save and take events.
 */
#include "base/mem.h"
#include "identity/identity.h"

#define HEAD 20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void le(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* How such a file begins in this version: a frame of another would hide what is behind it. */
static struct th_buf sample;

static void use(struct th_identity *id)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN, .time_ns = 1}};
    struct th_who who;
    for (uint32_t i = 0; i < th_identity_count(id) && i < 8; i++) {
        const struct th_entity *from = th_identity_slot(id, i);
        const struct th_entity *to = th_identity_slot(id, 0);
        if (!from || !to) /* forgotten */
            continue;
        TH_SET(&ev, CONN, id_orig_h, from->addr);
        TH_SET(&ev, CONN, id_resp_h, to->addr);
        TH_SET(&ev, CONN, orig_l2_addr, from->mac);
        th_identity_event(id, &ev.h, &who);
    }
    th_identity_save(id, &out);
    TH_ASSERT(out.len > HEAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_identity_config config = {.max_entities = 64, .max_names = 64};
    struct th_identity *id = th_identity_new(&config);
    if (!sample.p) {
        th_identity_save(id, &sample);
        TH_ASSERT(th_identity_load(id, sample.p, sample.len) == 0);
    }
    if (size > HEAD) {
        TH_AUTOFREE uint8_t *copy = th_xmalloc(size);
        memcpy(copy, data, size);
        memcpy(copy, sample.p, 8); /* magic and version */
        le(copy + 8, size - HEAD, 8);
        le(copy + 16, th_crc32c(0, copy + HEAD, size - HEAD), 4);
        if (th_identity_load(id, copy, size) == 0)
            use(id);
    } else {
        (void)!th_identity_load(id, data, size);
    }
    th_identity_free(id);
    return 0;
}
