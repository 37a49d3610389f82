/* SPDX-License-Identifier: Apache-2.0 */
#include "out_pcap.h"

#include "base/err.h"

int lab_pcap_open(const char *path, const struct lab_options *opt, struct lab_pcap **ret)
{
    (void)path;
    (void)opt;
    (void)ret;
    return -ENOTSUP;
}

int lab_pcap_flow(void *arg, struct lab_flow *f)
{
    (void)arg;
    (void)f;
    return -ENOTSUP;
}

int lab_pcap_drain(struct lab_pcap *p, int64_t until_ns)
{
    (void)p;
    (void)until_ns;
    return -ENOTSUP;
}

int lab_pcap_close(struct lab_pcap *p)
{
    (void)p;
    return 0;
}
