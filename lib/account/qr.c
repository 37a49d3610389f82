/* SPDX-License-Identifier: Apache-2.0 */
#include <qrencode.h>

#include "factor.h"

#define QUIET 4 /* modules of white around (ISO/IEC 18004) */

static void free_code(QRcode **code)
{
    QRcode_free(*code);
}

int th_qr_svg(const char *text, struct th_buf *out)
{
    TH_CLEANUP(free_code)
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (!code)
        return TH_E_LIMIT;
    int side = code->width + 2 * QUIET;
    th_buf_printf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
        " shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
        "<path fill=\"#000\" d=\"",
        side, side, side, side);
    for (int y = 0; y < code->width; y++) {
        const unsigned char *row = code->data + (ptrdiff_t)y * code->width;
        for (int x = 0; x < code->width; x++) {
            int from = x;
            while (x < code->width && (row[x] & 1))
                x++;
            if (x > from)
                th_buf_printf(out, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET, x - from, x - from);
        }
    }
    th_buf_puts(out, "\"/></svg>");
    return out->overflow ? TH_E_LIMIT : 0;
}
