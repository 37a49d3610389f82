/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB behind the lock of the role that writes segments: rows, files, merging, and a sort that
 * does not fit into memory. What the filter does not know would end the process. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "priv/priv.h"
#include "store/segment.h"

static int finish(struct th_segment_job *job)
{
    int r = 0;
    while (r == 0)
        r = th_segment_job_step(job);
    th_segment_job_free(job);
    return r;
}

static int work(struct th_duck *d, const char *folder)
{
    TH_AUTOFREE char *one = th_xasprintf("%s/one.parquet", folder),
                     *two = th_xasprintf("%s/two.parquet", folder);
    struct th_segment_table *t = NULL;
    struct th_segment_job *job = NULL;
    if (th_segment_table_new(d, TH_KIND_DNS, &t) < 0)
        return 10;
    for (int64_t i = 0; i < 300000; i++) {
        struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = i * 7919 % 300007}};
        char name[64];
        snprintf(name, sizeof(name), "name-%ld-of-some-length-that-is-random-%ld", (long)i,
            (long)(i * 31));
        TH_SET(&ev, DNS, query, th_str_c(name));
        if (th_segment_table_add(t, &ev.h, th_str_c("d1"), th_str_c("")) < 0)
            return 11;
    }
    if (th_segment_seal(t, one, &job) < 0 || finish(job) != 1)
        return 12;
    const char *const from[] = {one};
    if (th_segment_merge(d, TH_KIND_DNS, from, 1, two, &job) < 0 || finish(job) != 1)
        return 13;
    th_segment_table_free(t);
    th_duck_close(d);
    return 0;
}

static void all_that_seal_does_is_allowed(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_locked.XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0777), 0);
    TH_AUTOFREE char *temp = th_xasprintf("%s/temp", folder);
    const char *const folders[] = {folder};
    struct th_duck_config config = {.memory_bytes = 128u << 20,
        .temp_folder = temp,
        .temp_bytes = 1u << 30,
        .folders = folders,
        .folder_count = 1};
    pid_t pid = fork();
    if (pid == 0) {
        struct th_duck *d = NULL;
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct th_role_folder own = {fd, true};
        struct th_lock_options lock = {.folders = &own, .folder_count = 1};
        if (th_duck_open(&config, &d, NULL) < 0 || th_role_lock_with(TH_ROLE_SEAL, &lock) < 0)
            _exit(1);
        int r = work(d, folder);
        if (r)
            dprintf(2, "%s\n", th_duck_error(d));
        _exit(r);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_that_seal_does_is_allowed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
