/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made it: the first half of a MAC is its maker's (IEEE 802, MA-L registry). The list is the
 * text of a file as IEEE gives it out, oui.csv of package ieee-data.
 */
#ifndef TH_IDENTITY_OUI_H
#define TH_IDENTITY_OUI_H

#include "event/event.h"

#define TH_OUI_MAX 200000u
#define TH_OUI_NAME_MAX 48u

struct th_oui;
/* Reads "MA-L,AABBCC,Name,Address" lines; what is no such line is left out. At most TH_OUI_MAX
 * makers, of each name TH_OUI_NAME_MAX printable ASCII bytes. */
struct th_oui *th_oui_new(struct th_str csv);
void th_oui_free(struct th_oui *o);
size_t th_oui_count(const struct th_oui *o);
/* Empty for one that is not listed, for a random MAC, and for o NULL. */
struct th_str th_oui_maker(const struct th_oui *o, const struct th_mac *m);
/* Made up by the device itself (IEEE 802c, locally administered): says nothing of its maker. */
static inline bool th_mac_is_random(const struct th_mac *m)
{
    return (m->b[0] & 2) != 0;
}

#endif
