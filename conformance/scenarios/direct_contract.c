/* direct_contract.c - a contract of the suite's own making, right in everything. */
#include <stdio.h>

#include "scenarios/faults.h"

static json_t *proxy_environment(uint16_t proxy)
{
    json_t *env = json_object();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy);
    static const char *const names[] = {"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY",
                                        "all_proxy", "https_proxy", "http_proxy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(env, names[i], json_string(url));
    json_object_set_new(env, "NO_PROXY", json_string("127.0.0.1,localhost,::1"));
    json_object_set_new(env, "no_proxy", json_string("127.0.0.1,localhost,::1"));
    json_object_set_new(env, "PATH", json_string("/usr/bin:/bin"));
    json_object_set_new(env, "FIRMA_RUN_PROFILE", json_string("conformance"));
    json_object_set_new(env, "FIRMA_AGENT_ID", json_string("probe"));
    json_object_set_new(env, "FIRMA_DNS_STUB_ADDR", json_string("127.0.0.1:5300"));
    return env;
}

static json_t *make_invariants(void)
{
    json_t *invariants = json_array();
    for (int i = 0; i < 6; i++)
        json_array_append_new(invariants,
                              json_pack("{ssss}", "name", cf_invariant_name((enum cf_invariant)i),
                                        "mode", "required"));
    return invariants;
}

static json_t *make_mounts(void)
{
    return json_pack("[{sssssb},{sssssb}]", "source", "/lab/bin", "target", "/lab/bin", "read_only",
                     1, "source", "/lab/work", "target", "/lab/work", "read_only", 0);
}

json_t *cf_direct_contract_for(const struct cf_stage *stage, const char *const *argv)
{
    uint16_t proxy = stage->sidecar.port;
    static const char sandbox[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy);
    json_t *args = json_array();
    for (int i = 1; argv[i] != NULL; i++)
        json_array_append_new(args, json_string(argv[i]));
    json_t *command = json_pack("{ss so ss so ss sn}", "executable", argv[0], "args", args, "cwd",
                                "/lab/work", "env", proxy_environment(proxy), "identity_mode",
                                "host_user", "seccomp_filter_path");
    json_t *headers = json_pack("{ss ss}", "x-firma-sandbox-id", sandbox, "x-firma-user", "tester");
    json_t *network = json_pack("{ss ss so}", "proxy_url", url, "dns_stub_addr", "127.0.0.1:5300",
                                "attribution_headers", headers);
    return json_pack("{si ss ss s{ss} s{ssssss} so so so so}", "version", 1, "sandbox_id", sandbox,
                     "runtime_dir", cf_direct_directory, "runner", "path", stage->runner, "guest",
                     "kernel", "/lab/artifacts/kernel", "initrd", "/lab/artifacts/initrd", "rootfs",
                     "/lab/artifacts/rootfs", "command", command, "mounts", make_mounts(),
                     "network", network, "invariants", make_invariants());
}
