/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of messages that say their own length, cut up for an analyser. Of each message the
 * analyser sees the head, up to a limit; what is longer is passed over without being kept. Beside
 * it small things that such analysers share: a hand-over to TLS, a memory of what was told
 * already and names of numbers.
 */
#ifndef TH_PROTO_FRAMING_H
#define TH_PROTO_FRAMING_H

#include "analyser.h"
#include "text.h"

/* Both directions. The state of an analyser that names a `framing` begins with it; the engine frees
 * what it holds. */
struct th_frames {
    struct {
        struct th_hold hold;
        uint64_t skip; /* bytes of the last message that are still to come */
    } dir[2];
    uint32_t messages; /* so far */
};

enum th_frame {
    TH_FRAME_GO_ON,
    TH_FRAME_DONE_DIR,
    TH_FRAME_DONE,
    TH_FRAME_BAIL,
    TH_FRAME_RESTART /* what follows is another protocol, as TLS */
};

#define TH_FRAME_SHORT 0 /* more bytes are needed to know the length */
#define TH_FRAME_BAD (-1)

typedef enum th_frame (*th_line_fn)(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns);

struct th_framing {
    uint32_t look_bytes;   /* at most this much of a message is shown */
    uint32_t max_messages; /* then it is enough; 0: never */
    /* The length of the message that begins here, with its header: or one of the two above. */
    int64_t (*length)(const void *state, struct th_cur head, bool from_client);
    /* msg: the message, or its first look_bytes. */
    enum th_frame (*message)(
        struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg);
    /* For lines.h, whose message() hands on lines: of the client, of the server. */
    th_line_fn client_line, server_line;
};

/* data() of such an analyser. A message with a bad length, or one whose length does not show in
 * look_bytes, ends the direction, or the analysis when nothing was recognised yet. What a
 * datagram does not complete is forgotten. */
enum th_verdict th_frames_data(struct th_conn *c, void *state, const struct th_chunk *ch);
/* gap(): a hole in the part that is passed over does no harm. */
enum th_verdict th_frames_gap(
    struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len);
/* The next byte of this direction begins a message. */
void th_frames_forget(struct th_frames *fr, int dir);
void th_frames_done(struct th_frames *fr);
static inline uint32_t th_frames_held(const struct th_frames *fr)
{
    return fr->dir[0].hold.cap + fr->dir[1].hold.cap;
}

/* Text up to a zero byte, which is read too. */
struct th_str th_cur_cstr(struct th_cur *c);

/* Which transactions of a flow were told: a controller that is asked the same each second makes
 * one event a minute. */
#define TH_REPEAT_SLOTS 32u
#define TH_REPEAT_NS (60 * TH_NS_PER_S)
/* Events that one flow makes in a minute; beyond them a `weird` says that some were left out. */
#define TH_REPEAT_MAX 10000u
struct th_repeat {
    int64_t begun_ns; /* the minute */
    uint32_t told;    /* in it */
    struct {
        uint64_t key;
        int64_t told_ns;
        uint32_t since;
    } slot[TH_REPEAT_SLOTS];
};

/* 0: it was told less than a minute ago and is only counted, or there were too many others. Else 1
 * and how many were not told since: the event stands for all of these. */
uint32_t th_repeat_due(struct th_conn *c, struct th_repeat *r, uint64_t key, int64_t now_ns);
/* For events that have no `repeats`: one more is too many. */
bool th_repeat_full(struct th_conn *c, struct th_repeat *r, int64_t now_ns);
/* A key out of one more text or number. */
uint64_t th_repeat_key(uint64_t key, struct th_str s);

/* Sets the field `repeats` when the event stands for more than one. */
#define TH_SET_REPEATS(ev, KIND, due)                                                              \
    do {                                                                                           \
        uint32_t n_ = (due);                                                                       \
        if (n_ > 1)                                                                                \
            TH_SET(ev, KIND, repeats, n_ - 1);                                                     \
    } while (0)

/* The name with this number in a table, or the number in hexadecimal. */
struct th_named {
    uint32_t number;
    const char *name;
};
struct th_str th_number_name(
    struct th_arena *a, const struct th_named *table, size_t count, uint32_t number);
#define TH_NUMBER_NAME(arena, table, number)                                                       \
    th_number_name(arena, table, TH_ARRAY_LEN(table), number)

#endif
