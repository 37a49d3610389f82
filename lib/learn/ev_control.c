/* SPDX-License-Identifier: Apache-2.0 */
/* Industrial controllers: who writes to which, changes its program, or stops it. Reading is what
 * all day is made of and tells nothing. */
#include "base/hash.h"
#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))

enum control { READS, WRITES, REPROGRAMS, STOPS };

/* Models look for these words (models/controller-*.yaml). */
static const char *const words[] = {
    [WRITES] = "wrote values",
    [REPROGRAMS] = "changed the program",
    [STOPS] = "stopped or restarted it",
};

struct control_op {
    const char *begins;
    enum control is;
};

static enum control control_of(struct th_str name, const struct control_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (th_str_starts(name, ops[i].begins))
            return ops[i].is;
    return READS;
}

static void note_control(struct th_act *a, const struct th_who *w, enum control is,
    const char *protocol, struct th_str name)
{
    const struct th_peer *peer = &w->resp_peer;
    uint64_t key = th_hash_pair(peer->key, (uint64_t)TH_SALT_CONTROL << 2 | is);
    a->win->tried |= BIT(TH_FEAT_CONTROLLER);
    a->win->novel_tried |= 1u << TH_NOVEL_REMOTE;
    if (is == READS || !th_novelty_try(a, TH_NOVEL_REMOTE, key))
        return;
    /* What changes more goes before what is merely as rare. */
    double worth = th_org_rarity(a->l->org, key, false) + (double)(unsigned)is;
    struct th_note *n = th_note_get(a, TH_FEAT_CONTROLLER, key, 4, worth);
    if (!n)
        return;
    th_note_fresh(n, TH_NOVEL_REMOTE, key, peer);
    th_note_example(a->part, n, "", th_str_c(words[is]));
    th_note_example(a->part, n, "", th_str_c(protocol));
    th_note_example(a->part, n, "", name);
}

void th_learn_modbus(struct th_act *a, const struct th_ev_modbus *ev, const struct th_who *w)
{
    static const struct control_op ops[] = {{"WRITE_FILE", REPROGRAMS}, {"WRITE_", WRITES},
        {"MASK_WRITE", WRITES}, {"READ_WRITE", WRITES}};
    note_control(a, w, control_of(ev->func, ops, TH_ARRAY_LEN(ops)), "Modbus", ev->func);
}

void th_learn_dnp3(struct th_act *a, const struct th_ev_dnp3 *ev, const struct th_who *w)
{
    static const struct control_op ops[] = {{"WRITE", WRITES}, {"SELECT", WRITES},
        {"OPERATE", WRITES}, {"DIRECT_OPERATE", WRITES}, {"COLD_RESTART", STOPS},
        {"WARM_RESTART", STOPS}, {"STOP_APPL", STOPS}, {"START_APPL", STOPS}, {"INITIALIZE", STOPS},
        {"SAVE_CONFIG", REPROGRAMS}, {"ACTIVATE_CONFIG", REPROGRAMS}, {"DELETE_FILE", REPROGRAMS}};
    note_control(a, w, control_of(ev->fc_request, ops, TH_ARRAY_LEN(ops)), "DNP3", ev->fc_request);
}

void th_learn_s7comm(struct th_act *a, const struct th_ev_s7comm *ev, const struct th_who *w)
{
    static const struct control_op ops[] = {{"Write Variable", WRITES},
        {"Request Download", REPROGRAMS}, {"Download", REPROGRAMS}, {"PI Service", STOPS},
        {"PLC Stop", STOPS}};
    note_control(
        a, w, control_of(ev->function_name, ops, TH_ARRAY_LEN(ops)), "S7", ev->function_name);
}

void th_learn_enip(struct th_act *a, const struct th_ev_enip *ev, const struct th_who *w)
{
    static const struct control_op ops[] = {{"Set Attribute", WRITES}, {"Set Member", WRITES},
        {"Write Tag", WRITES}, {"Read Modify Write", WRITES}, {"Reset", STOPS}, {"Start", STOPS},
        {"Stop", STOPS}, {"Create", REPROGRAMS}, {"Delete", REPROGRAMS}, {"Restore", REPROGRAMS}};
    note_control(
        a, w, control_of(ev->cip_service, ops, TH_ARRAY_LEN(ops)), "EtherNet/IP", ev->cip_service);
}

void th_learn_bacnet(struct th_act *a, const struct th_ev_bacnet *ev, const struct th_who *w)
{
    static const struct control_op ops[] = {{"write_", WRITES}, {"atomic_write_file", REPROGRAMS},
        {"create_object", REPROGRAMS}, {"delete_object", REPROGRAMS},
        {"reinitialize_device", STOPS}, {"device_communication_control", STOPS}};
    note_control(
        a, w, control_of(ev->pdu_service, ops, TH_ARRAY_LEN(ops)), "BACnet", ev->pdu_service);
}
