/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over each file of a corpus, without libFuzzer: what a fuzzer once
 * found stays an ordinary test, in every build and under every sanitizer. Each file
 * is one TAP result; the bytes are copied to an allocation of their exact size, so
 * that a read past the end is one past the allocation.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t max_file_bytes = 16 << 20;

static int replay_file(const char *path, unsigned number)
{
    TH_AUTOFCLOSE FILE *f = fopen(path, "re");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0 || (size_t)st.st_size > max_file_bytes) {
        printf("not ok %u - %s: %s\n", number, path, f ? "too large" : "cannot be opened");
        return -EIO;
    }
    size_t len = (size_t)st.st_size;
    TH_AUTOFREE uint8_t *data = malloc(len ? len : 1);
    if (!data || fread(data, 1, len, f) != len) {
        printf("not ok %u - %s: cannot be read\n", number, path);
        return -EIO;
    }
    LLVMFuzzerTestOneInput(data, len);
    printf("ok %u - %s\n", number, path);
    return 0;
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    int status = EXIT_SUCCESS;
    unsigned number = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* the last line names the file that crashed */
    for (int i = 1; i < argc; i++) {
        struct dirent **entries = NULL;
        int n = scandir(argv[i], &entries, is_visible, alphasort);
        for (int e = 0; e < n; e++) {
            TH_AUTOFREE char *path = th_xasprintf("%s/%s", argv[i], entries[e]->d_name);
            if (replay_file(path, ++number) < 0)
                status = EXIT_FAILURE;
            free(entries[e]);
        }
        free(entries);
        if (n <= 0) {
            printf("not ok %u - %s: no corpus\n", ++number, argv[i]);
            status = EXIT_FAILURE;
        }
    }
    printf("1..%u\n", number);
    return status;
}
