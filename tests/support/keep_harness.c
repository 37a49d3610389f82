/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep_harness VSENSOR CONFIG SPOOL STATE: starts a sensor's role link as its parent does, and
 * plays the role keep on the other side of its edge, so that what lies between link and a master
 * is tested for real while a test says what the keep does. Only ids of processes, "master_pin" (no
 * certificates of authorities) and "token" in CONFIG are supported.
 *
 * What link says goes to stdout, a line each: "link PID", "wish ID JSON", "stop ID", "more ID".
 * Lines on stdin: "part ID PATH FROM BYTES" (a piece of a file), "end ID JSON", "up", "down" (the
 * edge). At the end of stdin link is told to end.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "priv/edge.h"
#include "priv/ipc.h"

#include "../../src/vsensor/messages.h"

static int connect_edge(struct th_ipc **keep)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        exit(2);
    th_ipc_free(*keep);
    *keep = th_ipc_new(pair[0], 0);
    return pair[1];
}

static void hear(struct th_ipc **keep)
{
    struct th_ipc_message m;
    int r;
    while ((r = th_ipc_receive(*keep, &m)) > 0) {
        const char *word = m.type == TH_SENSOR_PACKETS ? "wish"
            : m.type == TH_SENSOR_PACKETS_STOP         ? "stop"
            : m.type == TH_SENSOR_PACKETS_MORE         ? "more"
                                                       : "unknown";
        printf("%s %016llx %.*s\n", word, (unsigned long long)m.id, (int)m.body.len,
            m.body.len ? m.body.p : "");
        fflush(stdout);
    }
    if (r < 0) {
        th_ipc_free(*keep);
        *keep = NULL;
    }
}

static void send_part(struct th_ipc *keep, uint64_t id, char *rest)
{
    char path[512];
    unsigned long long from, bytes;
    if (sscanf(rest, "%511s %llu %llu", path, &from, &bytes) != 3)
        exit(2);
    FILE *f = fopen(path, "rb");
    char *data = th_xmalloc(bytes);
    if (!f || fseek(f, (long)from, SEEK_SET) < 0 || fread(data, 1, bytes, f) != bytes ||
        th_ipc_send(keep, TH_SENSOR_PACKETS_PART, id, th_str_n(data, bytes)) < 0)
        exit(2);
    fclose(f);
    free(data);
}

static void obey(char *line, struct th_ipc **keep, int parent)
{
    char word[16], id_text[20];
    int at = 0;
    line[strcspn(line, "\n")] = '\0';
    int n = sscanf(line, "%15s %19s %n", word, id_text, &at);
    uint64_t id = n > 1 ? strtoull(id_text, NULL, 16) : 0;
    if (strcmp(word, "up") == 0) {
        int theirs = connect_edge(keep);
        if (th_parent_send(parent, TH_PARENT_EDGE, "keep", th_str_c(""), theirs) < 0)
            exit(2);
        close(theirs);
    } else if (strcmp(word, "down") == 0) {
        th_ipc_free(TH_TAKE(*keep));
    } else if (strcmp(word, "part") == 0 && *keep) {
        send_part(*keep, id, line + at);
    } else if (strcmp(word, "end") == 0 && *keep) {
        if (th_ipc_send(*keep, TH_SENSOR_PACKETS_END, id, th_str_c(line + at)) < 0)
            exit(2);
    }
}

static void drain_parent(int parent)
{
    static uint8_t storage[TH_PARENT_MAX_BYTES];
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    int fd;
    while (th_parent_receive(parent, storage, &type, name, &bytes, &fd) > 0)
        if (fd >= 0)
            close(fd);
}

/* Until stdin ends or link does. */
static void play(struct th_ipc **keep, int parent)
{
    static char line[8192]; /* stdin is not buffered: poll sees what is there */
    size_t len = 0;
    for (;;) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = *keep ? th_ipc_fd(*keep) : -1, .events = *keep ? th_ipc_events(*keep) : 0},
            {.fd = parent, .events = POLLIN}};
        if (poll(fds, TH_ARRAY_LEN(fds), -1) < 0 || (fds[2].revents & POLLHUP))
            return;
        drain_parent(parent);
        if (*keep && fds[1].revents) {
            int r = th_ipc_flush(*keep);
            (void)r;
            hear(keep);
        }
        if (!fds[0].revents)
            continue;
        ssize_t n = read(STDIN_FILENO, line + len, sizeof(line) - 1 - len);
        if (n <= 0)
            return;
        len += (size_t)n;
        for (char *end; (end = memchr(line, '\n', len));) {
            size_t used = (size_t)(end - line) + 1;
            char one[sizeof(line)];
            memcpy(one, line, used);
            one[used] = '\0';
            memmove(line, line + used, len - used);
            len -= used;
            obey(one, keep, parent);
        }
    }
}

int main(int argc, char **argv)
{
    struct th_ipc *keep = NULL;
    int parent[2], status = 0;
    pid_t pid;
    static const char *const ids[] = {"--uid", "65534", "--gid", "65534", NULL};
    static const char *const no_ids[] = {NULL};
    if (argc != 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, parent) < 0)
        return 2;
    int theirs = connect_edge(&keep);
    const struct th_role_fd fds[] = {{.fd = parent[1], .tag = "parent"},
        {.fd = theirs, .tag = "keep"}, {.fd = open(argv[2], O_RDONLY | O_CLOEXEC), .tag = "config"},
        {.fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC), .tag = "spool"},
        {.fd = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC), .tag = "state"}};
    if (th_spawn(argv[1], "link", fds, TH_ARRAY_LEN(fds), geteuid() == 0 ? ids : no_ids, &pid) < 0)
        return 2;
    close(theirs);
    close(parent[1]);
    printf("link %d\n", (int)pid);
    fflush(stdout);
    play(&keep, parent[0]);
    if (th_parent_send(parent[0], TH_PARENT_STOP, "", th_str_c(""), -1) < 0)
        kill(pid, SIGTERM);
    th_ipc_free(keep);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
