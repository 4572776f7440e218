/* lab_other.c - systems without namespaces have no labs; every call says so. */
#include "lab/lab.h"

static int impossible(struct cf_error *err)
{
    return cf_fail(err, CF_E_LAB, 0, "a lab needs Linux namespaces");
}

int cf_lab_check(struct cf_error *err)
{
    return impossible(err);
}

bool cf_lab_keeps_groups(void)
{
    return false;
}

bool cf_lab_has_second_user(void)
{
    return false;
}

int cf_lab_start(const struct cf_lab_config *config, cf_lab_body *body, void *context, pid_t *pid,
                 struct cf_error *err)
{
    (void)config, (void)body, (void)context, (void)pid;
    return impossible(err);
}

struct cf_events *cf_lab_events(struct cf_lab *lab)
{
    (void)lab;
    return NULL;
}

int cf_lab_heartbeat(struct cf_lab *lab, const char *label, struct cf_error *err)
{
    (void)lab, (void)label;
    return impossible(err);
}

int cf_lab_sidecar_start(struct cf_lab *lab, const char *script, uint16_t port,
                         struct cf_sidecar *out, struct cf_error *err)
{
    (void)lab, (void)script, (void)port, (void)out;
    return impossible(err);
}

int cf_lab_proxy_start(struct cf_lab *lab, const char *name, uint16_t parent, struct cf_proxy *out,
                       struct cf_error *err)
{
    (void)lab, (void)name, (void)parent, (void)out;
    return cf_fail(err, CF_E_LAB, 0, "labs are built on Linux only");
}

void cf_lab_proxy_stop(struct cf_proxy *proxy)
{
    (void)proxy;
}

void cf_lab_sidecar_stop(struct cf_lab *lab, struct cf_sidecar *sidecar, int signal)
{
    (void)lab, (void)sidecar, (void)signal;
}

int cf_lab_spawn(struct cf_lab *lab, const struct cf_command *command, pid_t *pid,
                 struct cf_error *err)
{
    (void)lab, (void)command, (void)pid;
    return impossible(err);
}

json_t *cf_lab_survivors(struct cf_lab *lab)
{
    (void)lab;
    return json_array();
}

void cf_lab_clear(struct cf_lab *lab)
{
    (void)lab;
}

json_t *cf_lab_facts(struct cf_lab *lab)
{
    (void)lab;
    return NULL;
}
