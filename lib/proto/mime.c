/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type of a file by its first bytes. Words as Zeek's file signatures use them.
 */
#include "files.h"

#define TEXT_LOOK_BYTES 256u

struct magic {
    uint16_t at;
    uint8_t len;
    const char *bytes;
    const char *mime;
};

#define MAGIC(at, bytes, mime)                                                                     \
    {                                                                                              \
        at, sizeof(bytes) - 1, bytes, mime                                                         \
    }

/* The first that fits decides. */
static const struct magic magics[] = {
    MAGIC(0, "MZ", "application/x-dosexec"),
    MAGIC(0,
        "\x7f"
        "ELF",
        "application/x-executable"),
    MAGIC(0, "\xcf\xfa\xed\xfe", "application/x-mach-o-executable"),
    MAGIC(0, "\xce\xfa\xed\xfe", "application/x-mach-o-executable"),
    MAGIC(0, "\xca\xfe\xba\xbe", "application/x-java-applet"),
    MAGIC(0, "%PDF-", "application/pdf"),
    MAGIC(0, "PK\x03\x04", "application/zip"),
    MAGIC(0, "PK\x05\x06", "application/zip"),
    MAGIC(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    MAGIC(0, "{\\rtf", "text/rtf"),
    MAGIC(0, "\x89PNG\r\n\x1a\n", "image/png"),
    MAGIC(0, "\xff\xd8\xff", "image/jpeg"),
    MAGIC(0, "GIF87a", "image/gif"),
    MAGIC(0, "GIF89a", "image/gif"),
    MAGIC(0, "\0\0\1\0", "image/x-icon"),
    MAGIC(8, "WEBP", "image/webp"),
    MAGIC(8, "WAVE", "audio/x-wav"),
    MAGIC(8, "AVI ", "video/x-msvideo"),
    MAGIC(4, "ftyp", "video/mp4"),
    MAGIC(0, "ID3", "audio/mpeg"),
    MAGIC(0, "OggS", "application/ogg"),
    MAGIC(0, "FLV\1", "video/x-flv"),
    MAGIC(0, "FWS", "application/x-shockwave-flash"),
    MAGIC(0, "CWS", "application/x-shockwave-flash"),
    MAGIC(0, "wOFF", "application/font-woff"),
    MAGIC(0, "wOF2", "application/font-woff"),
    MAGIC(0, "\x1f\x8b", "application/x-gzip"),
    MAGIC(0, "BZh", "application/x-bzip2"),
    MAGIC(0,
        "\xfd"
        "7zXZ",
        "application/x-xz"),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    MAGIC(0, "Rar!\x1a\x07", "application/x-rar"),
    MAGIC(0, "MSCF", "application/vnd.ms-cab-compressed"),
    MAGIC(257, "ustar", "application/x-tar"),
    MAGIC(0, "!<arch>\ndebian", "application/x-debian-package"),
    MAGIC(0, "\xed\xab\xee\xdb", "application/x-rpm"),
    MAGIC(0, "SQLite format 3", "application/x-sqlite3"),
    MAGIC(0, "L\0\0\0\1\x14\2\0", "application/x-ms-shortcut"),
    MAGIC(0, "\x30\x82", "application/x-x509-ca-cert"),
    MAGIC(0, "#!", "text/x-shellscript"),
};

/* In lower case, after leading blanks. */
static const struct {
    const char *begin, *mime;
} texts[] = {
    {"<!doctype html", "text/html"},
    {"<html", "text/html"},
    {"<head", "text/html"},
    {"<body", "text/html"},
    {"<title", "text/html"},
    {"<script", "text/html"},
    {"<?xml", "application/xml"},
    {"<svg", "image/svg+xml"},
    {"<soap", "application/xml"},
};

static bool contains(const uint8_t *p, size_t len, const char *word)
{
    return memmem(p, len, word, strlen(word)) != NULL;
}

static const char *office_in_zip(const uint8_t *p, size_t len)
{
    if (contains(p, len, "word/"))
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    if (contains(p, len, "xl/"))
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    if (contains(p, len, "ppt/"))
        return "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    if (contains(p, len, "[Content_Types].xml"))
        return "application/vnd.openxmlformats-officedocument";
    if (contains(p, len, "META-INF/"))
        return "application/java-archive";
    if (contains(p, len, "mimetypeapplication/vnd.oasis"))
        return "application/vnd.oasis.opendocument";
    return "application/zip";
}

static const char *text_mime(const uint8_t *p, size_t len)
{
    size_t look = TH_MIN(len, TEXT_LOOK_BYTES), i = 0;
    if (look >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        i = 3;
    for (size_t k = i; k < look; k++)
        if (p[k] < 0x20 && p[k] != '\t' && p[k] != '\n' && p[k] != '\r' && p[k] != '\f')
            return NULL;
    while (i < look && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n'))
        i++;
    struct th_str rest = th_str_n(p + i, look - i);
    for (size_t k = 0; k < TH_ARRAY_LEN(texts); k++) {
        struct th_str begin = th_str_c(texts[k].begin);
        if (rest.len >= begin.len && th_str_ieq(th_str_n(rest.p, begin.len), begin))
            return texts[k].mime;
    }
    if (rest.len && (rest.p[0] == '{' || rest.p[0] == '['))
        return "application/json";
    for (size_t k = 0; k < look; k++)
        if (p[k] == 0x7f)
            return NULL;
    return "text/plain";
}

const char *th_mime_guess(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(magics); i++) {
        const struct magic *m = &magics[i];
        if (len < (size_t)m->at + m->len || memcmp(p + m->at, m->bytes, m->len) != 0)
            continue;
        if (memcmp(p, "PK\x03\x04", 4) == 0)
            return office_in_zip(p, TH_MIN(len, 4096u));
        return m->mime;
    }
    return len ? text_mime(p, len) : NULL;
}
