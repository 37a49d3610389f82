/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_role PROGRAM ROLE TAG<FILE... TAG>FILE... [-- ARG...]: starts a role with files as its
 * descriptors ('<' to read, '>' to write) and ends as it does. */
#include <fcntl.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "priv/spawn.h"

int main(int argc, char **argv)
{
    struct th_role_fd fds[TH_ROLE_MAX_FDS];
    size_t count = 0;
    int i = 3;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char *sign = strpbrk(argv[i], "<>");
        if (!sign)
            return 2;
        int flags = *sign == '<' ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC;
        *sign = 0;
        fds[count] =
            (struct th_role_fd){.fd = open(sign + 1, flags | O_CLOEXEC, 0600), .tag = argv[i]};
        if (fds[count++].fd < 0)
            return 2;
    }
    pid_t pid;
    int status;
    const char *const *args = i < argc ? (const char *const *)argv + i + 1 : NULL;
    if (i < 3 || th_spawn(argv[1], argv[2], fds, count, args, &pid) < 0)
        return 2;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
