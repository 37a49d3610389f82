/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_dump FOLDER: the records of a master's log, one JSON object a line, without their content:
 * what tests hold the rows in the store against.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "journal/journal.h"
#include "link/envelope.h"
#include "store/log.h"

static void hex(struct th_json *j, const char *key, uint64_t v)
{
    char text[17];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)v);
    th_json_key(j, key);
    th_json_str(j, th_str_c(text));
}

static void number(struct th_json *j, const char *key, uint64_t v)
{
    th_json_key(j, key);
    th_json_u64(j, v);
}

static int put_batch(struct th_json *j, struct th_str body)
{
    struct th_record_batch b;
    struct th_envelope e = {0};
    int r = th_record_batch_get(body, &b);
    if (r == 0)
        r = th_envelope_get((const uint8_t *)b.envelope.p, b.envelope.len, &e);
    if (r < 0)
        return r;
    hex(j, "sensor", e.sensor);
    number(j, "epoch", e.epoch);
    number(j, "sequence", e.sequence);
    number(j, "kind", e.kind);
    number(j, "events", e.events);
    th_json_key(j, "last");
    th_json_time(j, e.last_ns);
    return 0;
}

/* Where the sequences go on behind it. */
static void put_gap(struct th_json *j, const json_t *gap)
{
    static const char *const numbers[] = {"epoch", "sequence", "batches"};
    th_json_key(j, "sensor");
    th_json_str(j, th_str_c(json_string_value(json_object_get(gap, "sensor"))));
    for (size_t i = 0; i < TH_ARRAY_LEN(numbers); i++)
        number(j, numbers[i], (uint64_t)json_integer_value(json_object_get(gap, numbers[i])));
}

static int put_control(struct th_json *j, struct th_str body)
{
    struct th_control c;
    int r = th_control_get(body, &c);
    if (r < 0)
        return r;
    const char *word = json_string_value(json_object_get(c.object, "type"));
    th_json_key(j, "control");
    th_json_str(j, th_str_c(word));
    if (c.type == TH_CONTROL_SOURCE_GAP)
        put_gap(j, c.object);
    th_control_done(&c);
    return 0;
}

static int dump_one(const struct th_journal_record *rec)
{
    static const char *const words[] = {"", "batch", "control", "summary"};
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    struct th_json j = th_json_init(&line);
    int r = 0;
    th_json_open(&j);
    number(&j, "position", rec->position);
    th_json_key(&j, "record");
    th_json_str(&j, th_str_c(rec->type < TH_ARRAY_LEN(words) ? words[rec->type] : "unknown"));
    th_json_key(&j, "time");
    th_json_time(&j, rec->time_ns);
    if (rec->type == TH_RECORD_BATCH)
        r = put_batch(&j, rec->body);
    else if (rec->type == TH_RECORD_CONTROL)
        r = put_control(&j, rec->body);
    th_json_close(&j);
    printf("%.*s\n", (int)line.len, (const char *)line.p);
    return r;
}

int main(int argc, char **argv)
{
    int folder = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct th_io io;
    uint64_t first = 0;
    uint64_t next = 0;
    uint64_t epoch = 0;
    if (folder < 0)
        return fprintf(stderr, "usage: log_dump FOLDER\n"), 2;
    th_io_folder(&io, &folder);
    struct th_journal_reader *reader = th_journal_reader_new(&io);
    int r = th_journal_extent(&io, &first, &next, &epoch);
    if (r == 0)
        r = th_journal_seek(reader, first);
    struct th_journal_record rec;
    while (r >= 0 && (r = th_journal_read(reader, next, &rec)) > 0)
        r = dump_one(&rec);
    if (r < 0)
        fprintf(stderr, "log_dump: %s\n", th_strerror(r));
    th_journal_reader_free(reader);
    close(folder);
    return r < 0;
}
