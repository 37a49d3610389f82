/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is, as far as its traffic shows it. Each source of evidence keeps a majority
 * (Boyer and Moore, MJRTY, 1981) of what it said; of the sources that have one, the most
 * trustworthy is believed. Nothing of this is proof: a device may say of itself what it likes.
 */
#ifndef TH_IDENTITY_TRAITS_H
#define TH_IDENTITY_TRAITS_H

#include "base/str.h"

/* Names stand in events and in saved state: append only. */
#define TH_OSES(X)                                                                                 \
    X(NONE, "")                                                                                    \
    X(WINDOWS, "Windows")                                                                          \
    X(MACOS, "macOS")                                                                              \
    X(IOS, "iOS")                                                                                  \
    X(APPLE, "macOS or iOS")                                                                       \
    X(ANDROID, "Android")                                                                          \
    X(LINUX, "Linux")                                                                              \
    X(BSD, "BSD")                                                                                  \
    X(CHROMEOS, "ChromeOS")                                                                        \
    X(EMBEDDED, "embedded")
#define TH_DEVICE_TYPES(X)                                                                         \
    X(NONE, "")                                                                                    \
    X(COMPUTER, "computer")                                                                        \
    X(PHONE, "phone")                                                                              \
    X(TABLET, "tablet")                                                                            \
    X(SERVER, "server")                                                                            \
    X(PRINTER, "printer")                                                                          \
    X(CAMERA, "camera")                                                                            \
    X(VOIP, "voip-phone")                                                                          \
    X(TV, "media-player")                                                                          \
    X(CONSOLE, "game-console")                                                                     \
    X(THING, "thing")                                                                              \
    X(NETWORK, "network-device")                                                                   \
    X(CONTROLLER, "industrial-controller")
/* What it answers to others: bits. */
#define TH_OFFERS(X)                                                                               \
    X(DNS, "dns")                                                                                  \
    X(DHCP, "dhcp")                                                                                \
    X(KERBEROS, "kerberos")                                                                        \
    X(LDAP, "ldap")                                                                                \
    X(FILES, "file-sharing")                                                                       \
    X(WEB, "web")                                                                                  \
    X(SSH, "ssh")                                                                                  \
    X(DESKTOP, "remote-desktop")                                                                   \
    X(MAIL, "mail")                                                                                \
    X(FTP, "ftp")                                                                                  \
    X(DATABASE, "database")                                                                        \
    X(PRINTING, "printing")                                                                        \
    X(TELEPHONY, "telephony")                                                                      \
    X(VIDEO, "video")                                                                              \
    X(TIME, "time")                                                                                \
    X(MESSAGES, "message-broker")                                                                  \
    X(CONTROL, "industrial-control")                                                               \
    X(PROXY, "proxy")                                                                              \
    X(LOGINS, "authentication")                                                                    \
    X(LOGS, "log-collection")                                                                      \
    X(MANAGEMENT, "management")

#define X(NAME, text) TH_OS_##NAME,
enum th_os { TH_OSES(X) TH_OS_COUNT };
#undef X
#define X(NAME, text) TH_DEVICE_##NAME,
enum th_device_type { TH_DEVICE_TYPES(X) TH_DEVICE_TYPE_COUNT };
#undef X
#define X(NAME, text) TH_OFFER_##NAME,
enum th_offer { TH_OFFERS(X) TH_OFFER_COUNT };
#undef X

/* "" for what is not known. */
const char *th_os_name(unsigned os);
const char *th_device_type_name(unsigned type);
const char *th_offer_name(unsigned offer);

#endif
