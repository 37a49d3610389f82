/* SPDX-License-Identifier: Apache-2.0 */
/* Role state, inside: a turn (one event and its transaction), a job (what waits), the handlers. */
#ifndef TH_MASTER_STATE_I_H
#define TH_MASTER_STATE_I_H

#include "account/ask.h"
#include "account/audit.h"
#include "account/login.h"
#include "account/sensor.h"
#include "account/settings.h"
#include "account/token.h"
#include "state.h"
#include "state_request.h"
#include "web/api.h"

enum st_job_kind {
    ST_LOGIN,
    ST_OWN_PASSWORD,
    ST_CHANGE_PASSWORD,
    ST_USER_ADD,
    ST_USER_RESET,
    ST_HASHES = ST_USER_RESET, /* up to here the helper is waited for */
    ST_SENSOR,
    ST_ENROL,
    ST_SETTINGS,
    ST_ACK,
    ST_PERMIT,
    ST_PERMIT_END,
    ST_FORGET,
    ST_LOGGED = ST_FORGET, /* from here on no control is waited for */
    ST_LOOK,
    ST_COMMANDS
};

struct st_job {
    struct st_job *next;
    uint64_t id;
    enum st_job_kind kind;
    struct th_state_asker asker;
    int64_t deadline_ns;
    char address[TH_ACCOUNT_MAX_ADDRESS];
    char agent[TH_SESSION_MAX_AGENT + 1];
    char by[TH_USER_MAX_NAME];
    char session[TH_COOKIE_LEN]; /* key, or cookie of a half login, of who asked */
    struct th_login login;
    int64_t user;
    char name[TH_USER_MAX_NAME];
    char role[TH_ACCOUNT_MAX_ROLE];
    char one_time[TH_ONE_TIME_LEN];
    char sensor[TH_SENSOR_ID_LEN];
    char permit[17];
    /* what goes out after the commit */
    struct th_buf verify_hash, verify_text, hash_text, control; /* control: or the look */
};

enum st_counter {
    ST_REQUESTS,
    ST_MALFORMED,
    ST_UNAUTHORISED,
    ST_FORBIDDEN,
    ST_LOGINS,
    ST_LOGIN_FAILURES,
    ST_LOCKED,
    ST_TOO_MANY,
    ST_ENROLMENTS,
    ST_BAD_TOKENS,
    ST_CONTROLS,
    ST_CONTROLS_LOST,
    ST_STORAGE_ERRORS,
    ST_COUNTERS
};

#define ST_SENSOR_MAX_STATUS 1800u
enum st_sensor_count {
    ST_PACKETS,
    ST_DROPS,
    ST_NIC_LOST,
    ST_COPIES,
    ST_EXCLUDED,
    ST_EVICTED,
    ST_BYTES_GIVEN_UP,
    ST_HOLES,
    ST_FRAGMENTS_DROPPED,
    ST_ANALYSES_GIVEN_UP,
    ST_UNWATCHED_S,
    ST_INTERFACES,
    ST_INTERFACES_DOWN,
    ST_EVENTS,
    ST_EVENTS_LOST,
    ST_SPOOL_BYTES,
    ST_SPOOL_LIMIT_BYTES,
    ST_SPOOL_DROPPED,
    ST_QUEUE,
    ST_RESENT,
    ST_REFUSED,
    ST_KEPT_PACKETS, /* this and what follows only of sensors that keep packets */
    ST_KEPT_BYTES,
    ST_KEEP_LIMIT_BYTES,
    ST_KEEP_DROPPED,
    ST_KEEP_OLDEST_S,
    ST_KEEP_FAILING,
    ST_SENSOR_COUNTS
};

struct st_heard { /* a sensor's last request for commands */
    char sensor[TH_SENSOR_ID_LEN];
    int64_t time_ns;
    int64_t status_ns; /* our clock, when it said the counts; 0: it never has */
    uint64_t counts[ST_SENSOR_COUNTS];
    uint32_t problems; /* a set (link/problems.h) */
    bool says_asked;
    char asked[TH_ASK_ID_LEN]; /* the command of packets that it works on; "": none */
};

#define ST_MAX_ARRIVALS 16u
struct st_arrival {              /* packets on their way in */
    char command[TH_ASK_ID_LEN]; /* "": free */
    uint32_t next;               /* part */
    int64_t bytes, stored;       /* of packets; of the file */
    int64_t moved_ns;
};

struct th_state {
    struct th_state_config config;
    struct th_state_ops ops;
    void *arg;
    struct th_accounts *a; /* config.accounts */
    struct st_job *jobs;
    unsigned job_count;
    uint64_t last_job;
    struct st_heard *heard;
    size_t heard_count;
    uint64_t counters[ST_COUNTERS];
    int64_t swept_ns, storage_error_ns;
    int storage_error;
    bool audit_broken;
    struct st_arrival arrivals[ST_MAX_ARRIVALS];
    char looks[16][TH_ASK_ID_LEN + TH_USER_MAX_NAME]; /* who downloads what at the moment */
    unsigned next_look;
    bool packets_taken_up; /* what a start finds was looked at */
};

/* One event: what came, who asks, and what will be answered. */
struct st_turn {
    struct th_state *s;
    struct th_accounts *a;
    int64_t now_ns;
    struct th_state_asker asker;
    const struct th_state_request *req; /* NULL when a job goes on */
    struct th_str bytes;                /* that came with it */
    bool has_session;
    struct th_session who;
    const char *by; /* for the audit log */
    /* the answer, unless `job` says that it comes later */
    unsigned status;
    struct th_buf cookies, body;
    struct th_json json; /* writes to body */
    struct st_job *job;
    bool must_commit; /* what is in memory would be wrong without it */
};

/* ---- state.c ---- */
void st_error(struct st_turn *t, unsigned status, const char *code, const char *message);
void st_locked(struct st_turn *t, unsigned retry_s);
void st_cookie(struct st_turn *t, bool half, const char *value); /* "": it is to go */
/* A job that the turn leaves behind; NULL, and the turn is answered, when there are too many. */
struct st_job *st_job_new(struct st_turn *t, enum st_job_kind kind);
/* A control begun: {"type", "at_ns", "by"; the caller adds members and closes it. */
struct th_json st_control_begin(struct st_turn *t, struct st_job *job, const char *type);
void st_put_text(struct th_json *j, const char *key, const char *value);
void st_copy(struct th_str s, char *ret, size_t room);
bool st_member(struct st_turn *t, const char *key, size_t max, struct th_str *ret);
void st_ok(struct st_turn *t); /* 200 {} */
/* Ends what the sensor waits for. */
void st_release_commands(struct th_state *s, const char *sensor);

typedef void st_handler(struct st_turn *t);
typedef void st_resume(struct st_turn *t, struct st_job *job, bool matches, const char *hash);
typedef void st_resume_done(struct st_turn *t, struct st_job *job);

/* ---- state_login.c ---- */
st_handler st_login, st_login_password, st_login_enrol, st_login_code, st_session_get,
    st_session_end, st_sessions, st_session_revoke, st_password, st_authorise;
st_resume st_login_hashed, st_own_password_hashed, st_password_hashed;
/* ---- state_users.c ---- */
st_handler st_users, st_user_add, st_user_change, st_user_remove, st_audit;
st_resume st_user_add_hashed, st_user_reset_hashed;
/* ---- state_sensors.c ---- */
st_handler st_tokens, st_token_add, st_token_revoke, st_sensors, st_sensor_change, st_settings,
    st_settings_set, st_incident_change;
st_resume_done st_sensor_done, st_settings_done, st_ack_done;
bool st_is_finding_id(struct th_str id); /* of the form of an incident's, a breach's, a permit's */
/* ---- state_permits.c ---- */
st_handler st_permit_add, st_permit_end;
st_resume_done st_permit_done, st_permit_end_done;
void st_apply_permit(struct th_state *s, const json_t *control, int64_t at_ns, const char *by);
void st_apply_permit_end(struct th_state *s, const json_t *control, int64_t at_ns, const char *by);
/* Those whose end has come: out of what is in force, and into the audit log. */
void st_permits_tick(struct th_state *s, int64_t now_ns);
/* ---- state_searches.c ---- */
st_handler st_searches, st_search_save, st_search_remove;
/* ---- state_forget.c ---- */
st_handler st_forget;
st_resume_done st_forget_done;
/* ---- state_link.c ---- */
st_handler st_enrol, st_commands;
st_resume_done st_enrol_done;
/* ---- state_packets.c ---- */
st_handler st_packets_ask, st_packets_list, st_packets_file, st_packets_remove;
/* Answers a sensor's request for commands; false: there is nothing to do for it. */
bool st_packets_deliver(struct st_turn *t, const char *sensor);
/* ---- state_packets_tick.c ---- */
void st_packets_take_up(struct th_state *s, int64_t now_ns); /* once, before anything else */
void st_packets_tick(struct th_state *s, int64_t now_ns);
/* The sensor works on this command, "": on none. A wish that it has forgotten, since it was started
 * again, is sent again. */
void st_packets_still(struct th_state *s, int64_t now_ns, const char *sensor, const char *command);
/* Deletes what came of the sensor (if any), and of a device what was asked for by its address;
 * without one (NULL) everything. */
void st_packets_forget(struct th_state *s, int64_t at_ns, const char *by, struct th_str sensor,
    bool device, const struct th_addr *address);
/* ---- state_parts.c ---- */
st_handler st_part;
/* ---- state_reports.c ---- */
/* Takes what a sensor says of itself; text that is not of that form changes nothing. */
void st_report_take(struct st_heard *h, int64_t now_ns, struct th_str text);
/* Member "sensors" of state's status, which the gateway joins to the sources. */
void st_reports_put(struct th_state *s, struct th_json *j);
/* ---- state_ctl.c ---- */
/* The handler of an operator's route; NULL for none. */
st_handler *st_ctl_handler(struct th_str route);
/* ---- state_controls.c ---- */
void st_sensor_control(struct th_json *j, const struct th_sensor *s);
/* ---- state_forget.c ---- */
void st_apply_forget(struct th_state *s, const json_t *control, int64_t at_ns, const char *by);

#endif
