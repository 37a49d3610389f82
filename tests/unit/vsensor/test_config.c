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
        assert_true(c.memory_bytes == UINT64_C(1) << 30);
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
    {"master: \"https://master\"\ntoken_file: x\n", "line 6: token or token_file"},
    {"master: \"https://master\"\nmaster_pin: \"sha256//x\"\nmaster_ca: y\n",
        "line 7: master_pin and master_ca"},
    {"master: \"https://master\"\nmaster_pin: abc\n", "master_pin"},
    {"master: \"https://master\"\nspool_bytes: 1M\n", "line 6: spool_bytes"},
    {"master: \"https://m\"\nexclude_networks: [10.0.0.0/8, 10.0.0.0/33]\n",
        "line 6: exclude_networks"},
    {"master: \"https://m\"\npcap_listen: 4711\n", "line 6: pcap_listen"},
    {"master: \"https://m\"\npcap_listen: \"http://a:1\"\n", "pcap_listen"},
    {"master: \"https://m\"\npcap_connect: [\"a:1\", \"a\"]\n", "pcap_connect"},
    {"master: \"https://m\"\npcap_connect: \"a:b@c:1\"\n", "pcap_connect"},
    {"master: \"https://m\"\npcap_listen: \"tls://a:1\"\npcap_cert: c\n", "pcap_key"},
    {"master: \"https://m\"\npcap_listen: \"a:1\"\npcap_client_ca: c\n", "pcap_client_ca"},
    {"master: \"https://m\"\npcap_connect: \"a:1\"\npcap_pin: \"sha256//x\"\n", "pcap_pin"},
    {"master: \"https://m\"\npcap_connect: [\"a:1\", \"b:1\"]\npcap_streams: 1\n",
        "line 7: pcap_streams"},
    {"master: \"https://m\"\npcap_listen: \"::1:4711\"\n", "line 6: pcap_listen"},
    {"master: \"https://m\"\npcap_connect: \"tls://a:1\"\npcap_pin: \"sha256//x\"\npcap_ca: c\n",
        "line 8: pcap_ca and pcap_pin"},
    {"master: \"https://m\"\npcap_streams: 0\n", "pcap_streams"},
    {"master: \"https://master\"\nring_bytes: 4G\n", "ring_bytes"},
    {"master: \"https://master\"\nmemory_bytes: 63M\n", "memory_bytes"},
    {"master: \"https://master\"\nmemory_bytes: 100M\nworkers: 2\n", "64M a worker"},
    {"master: \"https://master\"\nlocal_networks: [10.0.0.0/64]\n", "local_networks"},
    {"master: \"https://master\"\nflow_listen: [\"1.2.3.4:2055\"]\n",
        "line 6: flow_listen and flow_from: both or neither"},
    {"master: \"https://master\"\nflow_from: [10.0.0.0/8]\n",
        "line 6: flow_listen and flow_from: both or neither"},
    {"master: \"https://master\"\nflow_listen: [2055]\nflow_from: [10.0.0.0/8]\n",
        "flow_listen: an address"},
    {"master: \"https://master\"\nflow_listen: [\"1.2.3.4:1\"]\nflow_from: [x]\n",
        "flow_from: networks"},
    {"master: \"https://master\"\nworkers: 0\n", "workers: 1 to 8"},
    {"master: \"https://master\"\nworkers: 9\n", "workers: 1 to 8"},
    {"master: \"https://master\"\nworkers: two\n", "workers is a number"},
    {"master: \"https://master\"\ninterfaces: [eth1, eth2, eth1]\n", "twice"},
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

static const struct {
    const char *text, *wrong; /* NULL: it is good */
} keeps[] = {
    {"keep: /tmp/k\n", NULL},
    {"keep: /tmp/k\nkeep_bytes: 10G\nkeep_hours: 0\nkeep_payload: all\n", NULL},
    {"keep: /tmp/k\nkeep_rules: [\"10.1.0.0/16 none\", \"tcp/443 headers\"]\n", NULL},
    {"keep_payload: all\n", "keep: a folder"},
    {"keep_rules: [\"udp all\"]\n", "keep: a folder"},
    {"keep: /tmp/k\nkeep_bytes: 1M\n", "keep_bytes: at least 64M"},
    {"keep: /tmp/k\nkeep_hours: 99999\n", "keep_hours: at most"},
    {"keep: /tmp/k\nkeep_payload: much\n", "keep_payload: none, headers"},
    {"keep: /tmp/k\nkeep_rules: [\"tcp/443\"]\n", "keep_rules: rules like"},
};

static void what_is_kept_is_told(void **state)
{
    (void)state;
    struct th_vsensor_config c;
    char error[512];
    for (size_t i = 0; i < TH_ARRAY_LEN(keeps); i++) {
        TH_AUTOFREE char *text = th_xasprintf("master: \"https://m\"\n%s", keeps[i].text);
        int r = read_text(text, &c, error);
        assert_int_equal(r, keeps[i].wrong ? TH_E_CONFIG : 0);
        assert_true(!keeps[i].wrong || strstr(error, keeps[i].wrong));
        th_vsensor_config_done(&c);
    }
    /* Payload only for who asks for it. */
    assert_int_equal(read_text("master: \"https://m\"\nkeep: /tmp/k\n", &c, error), 0);
    assert_int_equal(c.keep_read.payload, TH_KEEP_HEADERS);
    assert_int_equal(c.keep_read.count, 0);
    th_vsensor_config_done(&c);
    assert_int_equal(read_text("master: \"https://m\"\n", &c, error), 0);
    assert_null(c.keep);
    th_vsensor_config_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_is_read_again_and_again),
        cmocka_unit_test(the_peer_is_the_proxy_or_the_master),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(what_is_kept_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
