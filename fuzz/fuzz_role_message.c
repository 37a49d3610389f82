/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role may write to its parent: packets on its socket, records of progress in its pipe. A
 * role that was taken over writes what it likes.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "priv/edge.h"
#include "priv/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void packet(const uint8_t *data, size_t size)
{
    static uint8_t storage[TH_PARENT_MAX_BYTES];
    int ends[2], passed = -1;
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    TH_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    if (size && send(ends[0], data, size, MSG_DONTWAIT) == (ssize_t)size &&
        th_parent_receive(ends[1], storage, &type, name, &bytes, &passed) == 1)
        TH_ASSERT(passed == -1 && memchr(name, 0, sizeof(name)) && bytes.len <= sizeof(storage));
    close(ends[0]);
    close(ends[1]);
}

/* What we send ourselves comes back as it was, with its descriptor. */
static void back(const uint8_t *data, size_t size)
{
    static uint8_t storage[TH_PARENT_MAX_BYTES];
    int ends[2], passed = -1;
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes, sent = th_str_n(data, TH_MIN(size, (size_t)TH_EDGE_MAX_STATUS));
    TH_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    TH_ASSERT(th_parent_send(ends[0], TH_PARENT_FILE, "name", sent, ends[0]) == 0);
    TH_ASSERT(th_parent_receive(ends[1], storage, &type, name, &bytes, &passed) == 1);
    TH_ASSERT(type == TH_PARENT_FILE && strcmp(name, "name") == 0 && th_str_eq(bytes, sent));
    TH_ASSERT(passed >= 0);
    close(passed);
    close(ends[0]);
    close(ends[1]);
}

static void progress(const uint8_t *data, size_t size)
{
    int ends[2];
    struct th_progress p;
    TH_ASSERT(pipe(ends) == 0 && size <= 60000 && write(ends[1], data, size) == (ssize_t)size);
    close(ends[1]);
    while (th_progress_get(ends[0], &p) == 1)
        TH_ASSERT(memchr(p.text, 0, sizeof(p.text)) && !strpbrk(p.text, "\n\r\033"));
    close(ends[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 60000)
        return 0;
    if (data[0] & 1)
        packet(data + 1, size - 1);
    else if (data[0] & 4)
        back(data + 1, size - 1);
    else
        progress(data + 1, size - 1);
    return 0;
}
