/* SPDX-License-Identifier: Apache-2.0 */
/* An envelope out of any bytes; what is taken goes the way it takes in intake: its signature is
 * checked, its payload unpacked or read as a gap. */
#include "event/batch.h"
#include "link/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t public_key[TH_SIGN_PUBLIC_BYTES] = {1};
    struct th_envelope e;
    struct th_envelope_gap gap;
    struct th_batch_head head;
    if (th_envelope_get(data, size, &e) < 0)
        return 0;
    TH_ASSERT(th_envelope_verify(data, size, public_key) == TH_E_SIGNATURE);
    if (e.kind == TH_ENVELOPE_GAP) {
        TH_ASSERT(th_envelope_gap_get(e.payload, &gap) == 0);
        return 0;
    }
    struct th_batch_reader *r = th_batch_reader_new();
    if (th_batch_open(r, (const uint8_t *)e.payload.p, e.payload.len, &head) == 0)
        TH_ASSERT(head.count == e.events && head.complete_until_ns >= e.complete_until_ns);
    th_batch_reader_free(r);
    return 0;
}
