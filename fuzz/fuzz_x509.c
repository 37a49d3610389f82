/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_x509 x;
    if (th_x509_parse(in, len, &a, &x))
        TH_ASSERT(x.dns.n <= TH_X509_MAX_SAN && x.serial.p && x.subject.p);
    return 0;
}
