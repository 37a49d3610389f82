/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the roles of a master say to each other (priv/ipc.h). Numbers stay inside one
 * version of the program: all roles are of one image. Numbers in bodies are little-endian.
 */
#ifndef TH_MASTER_MESSAGES_H
#define TH_MASTER_MESSAGES_H

enum th_msg {
    /* gateway -> state, store, query: a request as JSON; the answer has the same id. Request:
     * {"route", "user", "params", "path", "body", "address", "now_ns"}. Answer: HTTP status u16,
     * length of Set-Cookie text u16, the text, the body. CANCEL: the asker is gone. */
    TH_MSG_REQUEST = 10,
    TH_MSG_ANSWER = 11,
    TH_MSG_CANCEL = 12,
    /* state -> gateway: REQUEST {"route", "params", "path"} of a route of the API that only reads;
     * the operator asks, whom the control socket lets through. ANSWER as above. */
    /* store -> gateway: name u8-length-prefixed, JSON: what a browser's stream is to be told */
    TH_MSG_NOTICE = 13,
    /* gateway -> state: as REQUEST, with bytes behind: length of the JSON u32, it, the bytes. What
     * a sensor brings of packets; ANSWER as above */
    TH_MSG_PART = 14,

    /* gateway -> intake: an envelope (id: the request); the answer is ANSWER */
    TH_MSG_BATCH = 20,
    /* state -> intake: a control (JSON); answer DONE {position u64, err i32} when it is durable
     * and the followers that it concerns, or those that its list "followers" names, have applied
     * it; -ETIMEDOUT: it is durable, but one of them has not applied it within 10 s */
    TH_MSG_CONTROL = 21,
    TH_MSG_DONE = 22,

    /* intake -> followers: HEAD {synced position u64, wall_ns i64}. Followers -> intake: SAVED
     * {position u64}: its state on the disk has all below it; APPLIED {position u64} */
    TH_MSG_HEAD = 30,
    TH_MSG_SAVED = 31,
    TH_MSG_APPLIED = 32,
    /* followers -> intake: {position u64, err i32}: the batch there is damaged and was skipped from
     * where it is; intake counts it and tells people */
    TH_MSG_DAMAGED = 33,
    /* follower -> intake: {position u64, reason}: nobody is to read the batch there; intake writes
     * a quarantine control. Intake -> followers, before the head of a new connection and whenever
     * it grows: count u32, positions u64: all that are set aside. What intake expects of a
     * follower: on a new connection it tells SAVED and APPLIED, and APPLIED whenever it has reached
     * the head. */
    TH_MSG_SET_ASIDE = 34,

    /* core -> store: JSON lines of findings; answer DONE when they are committed */
    TH_MSG_FINDINGS = 40,
    /* core -> seal: end of the epoch i64, then batch frames of kind metric: they take the place of
     * what the epoch had (rows of hours that came late are among them: ts tells the hour); answer
     * DONE */
    TH_MSG_METRICS = 41,
    /* core -> seal: {position u64, entity u64, sensor u64}: rows of the entity, and rows that the
     * sensor sent, are to go from what lies before the position (0: none such); answer DONE when
     * they are gone from all segments */
    TH_MSG_FORGET = 42,

    /* seal -> store: a change (store/catalogue.h); answer DONE. CATALOGUE asks for what is there;
     * answer CATALOGUE {position that is stored u64, JSON list of files} */
    TH_MSG_COMMIT = 50,
    TH_MSG_CATALOGUE = 51,
    /* store -> seal: write the rows that are in no file yet (hot chunks); answer CHUNK {position
     * from which rows are in memory u64, JSON list of the files that were made} */
    TH_MSG_CHUNK = 52,
    /* query -> store: HOLD {JSON: kinds, from_ns, to_ns} answered by CATALOGUE {"hold", "hot",
     * "files"}; RELEASE {hold u64}. hot is false when the newest rows could not be had. */
    TH_MSG_HOLD = 53,
    TH_MSG_RELEASE = 54
};

#endif
