#include "sample.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sample_set(char **field, const char *text)
{
    assert_int_equal(firma_contract_set_text(field, text, NULL), 0);
}

struct firma_contract sample_contract(void)
{
    struct firma_contract c = {.identity_mode = FIRMA_SANDBOX_USER};
    memcpy(c.sandbox_id, SAMPLE_ID, sizeof c.sandbox_id);
    sample_set(&c.runtime_dir, "/run/user/1000/firma-run/launch-1");
    sample_set(&c.runner_path, "/opt/firma/bin/vz-runner");
    sample_set(&c.kernel, "/opt/firma/guest/vmlinux");
    sample_set(&c.initrd, "/opt/firma/guest/initrd.img");
    sample_set(&c.rootfs, "/opt/firma/guest/rootfs.img");
    sample_set(&c.executable, "/usr/bin/agent");
    sample_set(&c.cwd, "/home/dev/project");
    sample_set(&c.proxy_url, "http://127.0.0.1:41001");
    sample_set(&c.dns_stub_addr, "127.0.0.1:41002");
    assert_int_equal(firma_contract_add_arg(&c, "--task", NULL), 0);
    assert_int_equal(firma_contract_add_arg(&c, "build", NULL), 0);
    assert_int_equal(firma_contract_set_env(&c, "PATH", "/usr/bin:/bin", NULL), 0);
    assert_int_equal(firma_contract_set_env(&c, "HOME", "/home/dev", NULL), 0);
    assert_int_equal(firma_contract_set_header(&c, "x-firma-user", "dev", NULL), 0);
    assert_int_equal(firma_contract_set_header(&c, "x-firma-sandbox-id", SAMPLE_ID, NULL), 0);
    assert_int_equal(firma_contract_add_mount(&c, "/srv/data", "/srv/data", true, NULL), 0);
    assert_int_equal(firma_contract_add_mount(&c, c.cwd, c.cwd, false, NULL), 0);
    return c;
}

char *sample_repeat(const char *prefix, char byte, size_t count)
{
    size_t start = strlen(prefix);
    char *text = malloc(start + count + 1);
    assert_non_null(text);
    memcpy(text, prefix, start);
    memset(text + start, byte, count);
    text[start + count] = '\0';
    return text;
}

void assert_names(const struct firma_error *err, const char *expected)
{
    if (strstr(err->text, expected) == NULL)
        fail_msg("message: %s\nmust hold: %s", err->text, expected);
}

/* Both ways a rule is met: judged alone, and by the writer, which leaves its outputs alone. */
void assert_refused(const struct firma_contract *contract, const char *expected)
{
    struct firma_error err = {0};
    char *text = NULL;
    size_t length = 7;
    assert_int_equal(firma_contract_validate(contract, &err), -FIRMA_E_CONTRACT);
    assert_names(&err, expected);
    memset(&err, 0, sizeof err);
    assert_int_equal(firma_contract_encode(contract, &text, &length, &err), -FIRMA_E_CONTRACT);
    assert_names(&err, expected);
    assert_null(text);
    assert_int_equal(length, 7);
}

int sample_make_dir(void **state)
{
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX];
    char real[PATH_MAX];
    snprintf(path, sizeof path, "%s/firma-contract-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(path) == NULL || realpath(path, real) == NULL)
        return -1;
    *state = strdup(real);
    return *state != NULL ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

int sample_remove_dir(void **state)
{
    int result = nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

const char *sample_path(const char *dir, const char *name, int slot)
{
    static char paths[4][PATH_MAX];
    snprintf(paths[slot], sizeof paths[slot], "%s/%s", dir, name);
    return paths[slot];
}
