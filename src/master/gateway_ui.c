/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the user interface. A path without a file and without an ending is a view of
 * the application, which index.html begins.
 */
#include "gateway.h"

static const char start_page[] = "/index.html";

static bool is_view(struct th_str path)
{
    for (uint32_t i = path.len; i > 0 && path.p[i - 1] != '/'; i--)
        if (path.p[i - 1] == '.')
            return false;
    return !th_str_starts(path, "/assets/");
}

void gw_ui_answer(struct gw_request *r)
{
    const struct th_pack *ui = &r->g->ui;
    r->file = th_pack_find(ui, r->path);
    if (!r->file && is_view(r->path))
        r->file = th_pack_find(ui, th_str_c(start_page));
    if (r->file) {
        gw_answer_json(r, MHD_HTTP_OK, th_str_c(""));
        return;
    }
    r->type = "text/plain; charset=utf-8";
    gw_answer_json(r, MHD_HTTP_NOT_FOUND,
        th_str_c(ui->count ? "There is no such file.\n"
                           : "The user interface is not installed on this master.\n"));
}
