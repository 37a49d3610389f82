/* SPDX-License-Identifier: Apache-2.0 */
#include "zones.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

#define LIST "/usr/share/zoneinfo/tzdata.zi"
#define MAX_LIST (1u << 20)

void th_zones_load(struct th_buf *ret)
{
    TH_AUTOCLOSE int fd = open(LIST, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    th_buf_clear(ret);
    while (fd >= 0 && n > 0 && ret->len < MAX_LIST) {
        uint8_t *to = th_buf_reserve(ret, 65536);
        n = to ? read(fd, to, 65536) : -1;
        if (n > 0)
            th_buf_commit(ret, (size_t)n);
    }
    if (n != 0)
        th_buf_clear(ret); /* no list is better than half of one */
}

/* "Z NAME ...": a zone; "L TARGET NAME": another name of one (zic(8)). */
bool th_zones_has(struct th_str list, struct th_str name)
{
    while (list.len > 0) {
        struct th_str line = th_str_split(&list, '\n');
        struct th_str word = th_str_split(&line, ' ');
        bool zone = th_str_is(word, "Z");
        if (!zone && !th_str_is(word, "L"))
            continue;
        struct th_str first = th_str_split(&line, ' ');
        if (th_str_eq(zone ? first : line, name))
            return true;
    }
    return th_str_is(name, "UTC");
}
