/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings with names chosen by strangers, out of any lines: whatever they say, the terminal gets
 * no control character and the page no script; a test of models counts within its days, and an
 * answer to why is whatever it says.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "report.h"
#include "trial.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct th_buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        TH_ASSERT(text->p[i] == '\n' || (text->p[i] >= ' ' && text->p[i] != 0x7f));
}

static void try_models(const struct findings *f)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT, line = TH_BUF_INIT;
    struct trial_span all = {.from_ns = TH_TIME_UNSET, .to_ns = TH_TIME_UNSET};
    struct trial *t = trial_new(f, &all);
    trial_text(t, false, &text);
    trial_json(t, &line);
    look(&text);
    look(&line);
    trial_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct findings f = {0};
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT, page = TH_BUF_INIT;
    TH_AUTOCLOSE int fd = memfd_create("findings", MFD_CLOEXEC);
    if (!ready)
        findings_library_init();
    ready = true;
    TH_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    TH_ASSERT(findings_read(&f, fd) == 0);
    report_text(&f, false, &text);
    report_html(&f, &page);
    look(&text);
    th_buf_clear(&text);
    why_text(&f, false, &text);
    look(&text);
    try_models(&f);
    TH_ASSERT(!memmem(page.p, page.len, "<script", 7));
    findings_done(&f);
    return 0;
}
