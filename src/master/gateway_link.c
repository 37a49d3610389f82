/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensors' end of the link: enrolment, commands and packets are state's to answer, batches
 * intake's. The gateway looks into none of them; commands and packets carry a signature in their
 * header, which state checks.
 */
#include "gateway.h"
#include "web/check.h"

#define MAX_SENSOR_STATUS 1800u

static void enrol(struct gw_request *r)
{
    json_t *body = th_web_body_parse(th_buf_view(&r->body));
    if (!body) {
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "body", "The body is not a JSON object.");
        return;
    }
    json_t *j = gw_request_json(r, "enrol");
    json_object_set_new(j, "body", body);
    gw_forward_json(r, GW_EDGE_STATE, j);
}

/* Member of a request out of a header; false when it is missing or no text. */
static bool take_header(
    json_t *to, const char *member, const struct gw_request *r, const char *name, size_t max_bytes)
{
    const char *value = gw_http_header(r, name);
    if (!value || strnlen(value, max_bytes + 1) > max_bytes || !th_web_is_text(th_str_c(value)))
        return false;
    json_object_set_new(to, member, json_string(value));
    return true;
}

static void commands(struct gw_request *r)
{
    json_t *body = json_object();
    if (!take_header(body, "sensor", r, "Thymus-Sensor", 128) ||
        !take_header(body, "time", r, "Thymus-Time", 128) ||
        !take_header(body, "signature", r, "Thymus-Signature", 128)) {
        json_decref(body);
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "header",
            "Thymus-Sensor, Thymus-Time and Thymus-Signature must say who asks.");
        return;
    }
    /* What it says of itself, if it does; the signature is over this, too. */
    take_header(body, "status", r, "Thymus-Status", MAX_SENSOR_STATUS);
    json_t *j = gw_request_json(r, "commands");
    json_object_set_new(j, "body", body);
    gw_forward_json(r, GW_EDGE_STATE, j);
}

/* JSON about the part, then the part. */
static void packets(struct gw_request *r)
{
    TH_AUTOBUF struct th_buf message = TH_BUF_INIT;
    struct th_str command = r->path;
    json_t *body = json_object();
    command.p += strlen(GW_PACKETS_PATH);
    command.len -= (uint32_t)strlen(GW_PACKETS_PATH);
    if (!take_header(body, "sensor", r, "Thymus-Sensor", 128) ||
        !take_header(body, "time", r, "Thymus-Time", 128) ||
        !take_header(body, "part", r, "Thymus-Part", 32) ||
        !take_header(body, "signature", r, "Thymus-Signature", 128) || !th_web_is_text(command)) {
        json_decref(body);
        gw_count(r->g, GW_MALFORMED);
        gw_answer_error(r, MHD_HTTP_BAD_REQUEST, "header",
            "Thymus-Sensor, Thymus-Time, Thymus-Part and Thymus-Signature must say what this is.");
        return;
    }
    json_object_set_new(body, "command", json_stringn(command.p, command.len));
    json_t *j = gw_request_json(r, "part");
    json_object_set_new(j, "body", body);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    TH_ASSERT(text);
    th_buf_le32(&message, (uint32_t)strlen(text));
    th_buf_puts(&message, text);
    th_buf_str(&message, th_buf_view(&r->body));
    free(text);
    gw_forward(r, GW_EDGE_STATE, TH_MSG_PART, th_buf_view(&message));
}

void gw_link_dispatch(struct gw_request *r)
{
    switch (r->service) {
    case GW_LINK_ENROL: enrol(r); break;
    case GW_LINK_COMMANDS: commands(r); break;
    case GW_LINK_PACKETS: packets(r); break;
    default: gw_forward(r, GW_EDGE_INTAKE, TH_MSG_BATCH, th_buf_view(&r->body));
    }
}
