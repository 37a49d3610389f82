/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <netinet/in.h>
#include <poll.h>

#include "base/mem.h"
#include "flow_socket.h"

static uint8_t buffer[TH_FLOW_SOCKET_MAX_BYTES];

static void addresses(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    socklen_t len;
    static const char *const good[] = {
        "192.0.2.1:2055", "0.0.0.0:9995", "[::]:4739", "[2001:db8::1]:1"};
    static const char *const bad[] = {"", ":", "2055", ":2055", "192.0.2.1",
        "192.0.2.1:", "::1:2055", "name:2055", "1.2.3.4:x", "1.2.3.4:70000", "1.2.3.4:0",
        "tcp://1.2.3.4:1", "[::]", "[::]x:1"};
    for (size_t i = 0; i < TH_ARRAY_LEN(good); i++)
        assert_true(th_flow_address_parse(good[i], &address, &len));
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_false(th_flow_address_parse(bad[i], &address, &len));
}

/* A port that nobody has at the moment. */
static void find_port(char *ret, size_t bytes)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    TH_AUTOCLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(ret, bytes, "127.0.0.1:%u", ntohs(at.sin_port));
}

static void it_reads_and_cannot_send(void **state)
{
    (void)state;
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    struct th_addr from, loopback = th_addr_v4((const uint8_t[]){127, 0, 0, 1});
    size_t got = 0;
    uint32_t dropped = 0;
    char text[32];
    find_port(text, sizeof(text));
    TH_AUTOCLOSE int fd = th_flow_socket_open(text);
    TH_AUTOCLOSE int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && other >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(th_flow_socket_read(fd, buffer, &got, &from, &dropped), 0);
    assert_int_equal(sendto(other, "hello", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(th_flow_socket_read(fd, buffer, &got, &from, &dropped), 1);
    assert_int_equal(got, 5);
    assert_true(th_addr_eq(&from, &loopback));
    errno = 0;
    assert_int_equal(sendto(fd, "hello", 5, MSG_NOSIGNAL, (struct sockaddr *)&at, sizeof(at)), -1);
    assert_int_equal(errno, EPIPE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(it_reads_and_cannot_send),
    };
    return cmocka_run_group_tests_name("vsensor/flow_socket", tests, NULL, NULL);
}
