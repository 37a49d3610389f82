/* SPDX-License-Identifier: Apache-2.0 */
/* A change of the catalogue of any bytes: refused, or what comes back when it is written anew. */
#include "event/event.h"
#include "store/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(struct th_str text)
{
    struct th_catalogue_file *files = NULL;
    size_t count = 0;
    if (th_catalogue_files_get(text, &files, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        TH_ASSERT(th_kind_get(files[i].kind) && !strchr(files[i].name, '/'));
    free(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_catalogue_change a;
    struct th_catalogue_change b;
    TH_AUTOBUF struct th_buf first = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf second = TH_BUF_INIT;
    struct th_str text = th_str_n(data, size);
    list(text);
    if (th_catalogue_change_get(text, &a) < 0)
        return 0;
    th_catalogue_change_put(&first, &a);
    TH_ASSERT(th_catalogue_change_get(th_buf_view(&first), &b) == 0);
    th_catalogue_change_put(&second, &b);
    TH_ASSERT(th_str_eq(th_buf_view(&first), th_buf_view(&second)));
    th_catalogue_change_done(&a);
    th_catalogue_change_done(&b);
    return 0;
}
