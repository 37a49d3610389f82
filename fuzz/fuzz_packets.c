/* SPDX-License-Identifier: Apache-2.0 */
/* A wish for kept packets out of any text: what is taken is within its bounds, and is the same when
 * it is written and read again; what is not taken is told why. */
#include "base/mem.h"
#include "link/packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_packets_request r, again;
    const char *why = NULL;
    if (th_packets_request_read(th_str_n(data, size), &r, &why) < 0) {
        TH_ASSERT(why && why[0]);
        return 0;
    }
    TH_ASSERT(r.limit_bytes >= 1 && r.limit_bytes <= TH_PACKETS_MAX_BYTES);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_packets_request_put(&b, &r);
    TH_ASSERT(th_packets_request_read(th_buf_view(&b), &again, &why) == 0);
    TH_ASSERT(th_addr_eq(&again.host, &r.host) && again.has_peer == r.has_peer);
    TH_ASSERT(again.port == r.port && again.peer_port == r.peer_port && again.proto == r.proto);
    TH_ASSERT(
        again.limit_bytes == r.limit_bytes && again.from_ns == r.from_ns && again.to_ns == r.to_ns);
    th_packets_request_fits(&r, &r.host, &r.peer, r.port, r.peer_port, r.proto);
    return 0;
}
