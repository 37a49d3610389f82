/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sys/mman.h>

#include "base/mem.h"
#include "config.h"

static const char common[] = "name: office\nspool: /tmp/s\nstate: /tmp/t\ntoken: \"a:b\"\n";

static int read_text(const char *more, struct th_vsensor_config *ret, char error[512])
{
    TH_AUTOFREE char *text = th_xasprintf("%s%s", common, more);
    TH_AUTOCLOSE int fd = memfd_create("conf", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return th_vsensor_config_read(fd, "vsensor.conf", ret, error, 512);
}

static void a_configuration_is_read_again_and_again(void **state)
{
    (void)state;
    struct th_vsensor_config c;
    char error[512];
    TH_AUTOFREE char *text =
        th_xasprintf("%smaster: \"https://master:8443\"\ninterfaces: [eth1, eth2]\n"
                     "spool_bytes: 2G\nlocal_networks: 10.0.0.0/8\n",
            common);
    TH_AUTOCLOSE int fd = memfd_create("conf", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    for (int i = 0; i < 2; i++) { /* a role that is started anew has the same descriptor */
        assert_int_equal(th_vsensor_config_read(fd, "vsensor.conf", &c, error, sizeof(error)), 0);
        assert_string_equal(c.name, "office");
        assert_int_equal(c.interfaces.count, 2);
        assert_int_equal(c.local_networks.count, 1);
        assert_true(c.spool_bytes == UINT64_C(2) << 30);
        assert_true(c.ring_bytes == 64u << 20);
        th_vsensor_config_done(&c);
    }
}

static const struct {
    const char *master, *proxy, *host, *port;
} peers[] = {
    {"https://master", NULL, "master", "443"},
    {"https://master:8443/thymus", NULL, "master", "8443"},
    {"https://[2001:db8::1]", NULL, "2001:db8::1", "443"},
    {"https://[2001:db8::1]:444", NULL, "2001:db8::1", "444"},
    {"https://192.0.2.1:1", NULL, "192.0.2.1", "1"},
    {"https://master", "http://proxy", "proxy", "3128"},
    {"https://master", "http://gate:p@ss:word@proxy:80", "proxy", "80"},
    {"https://master", "http://gate:word@[::1]:8080/", "::1", "8080"},
};

static void the_peer_is_the_proxy_or_the_master(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(peers); i++) {
        struct th_vsensor_config c = {
            .master = (char *)peers[i].master, .proxy = (char *)peers[i].proxy};
        char host[256], port[6];
        assert_true(th_vsensor_config_peer(&c, host, port));
        assert_string_equal(host, peers[i].host);
        assert_string_equal(port, peers[i].port);
    }
}

static const struct {
    const char *text, *said;
} mistakes[] = {
    {"", "master"},
    {"master: \"http://master\"\n", "https://"},
    {"master: \"https://user:word@master\"\n", "master"},
    {"master: \"https://\"\n", "https://"},
    {"master: \"https://master:0\"\n", "https://"},
    {"master: \"https://master:65536\"\n", "https://"},
    {"master: \"https://master\"\nproxy: \"https://proxy\"\n", "proxy"},
    {"master: \"https://master\"\ntoken_file: x\n", "token"},
    {"master: \"https://master\"\nmaster_pin: \"sha256//x\"\nmaster_ca: y\n", "only one"},
    {"master: \"https://master\"\nmaster_pin: abc\n", "master_pin"},
    {"master: \"https://master\"\nspool_bytes: 1M\n", "spool_bytes"},
    {"master: \"https://master\"\nring_bytes: 4G\n", "ring_bytes"},
    {"master: \"https://master\"\nlocal_networks: [10.0.0.0/64]\n", "local_networks"},
    {"master: \"https://master\"\nmastr: x\n", "line 6"},
    {"master: \"https://master\"\nname: again\n", "name"},
};

static void mistakes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(mistakes); i++) {
        struct th_vsensor_config c;
        char error[512] = "";
        int r = read_text(mistakes[i].text, &c, error);
        if (r != TH_E_CONFIG || !strstr(error, mistakes[i].said))
            fail_msg("\"%s\" gave %d: %s", mistakes[i].text, r, error);
        if (strstr(error, "a:b"))
            fail_msg("the token is told: %s", error);
        th_vsensor_config_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_is_read_again_and_again),
        cmocka_unit_test(the_peer_is_the_proxy_or_the_master),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
