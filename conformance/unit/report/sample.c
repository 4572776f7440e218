#include "sample.h"

#include <fcntl.h>
#include <ftw.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void path_of(const struct sample *sample, const char *file, char path[256])
{
    snprintf(path, 256, "%s/%s", sample->dir, file);
}

void sample_make(struct sample *sample)
{
    static const char *const folders[] = {"launches", "launches/net", "launches/net/control",
                                          "launches/net/subject"};
    char path[256];
    snprintf(sample->top, sizeof sample->top, "/tmp/cf-report-XXXXXX");
    assert_non_null(mkdtemp(sample->top));
    snprintf(sample->dir, sizeof sample->dir, "%s/run", sample->top);
    assert_int_equal(mkdir(sample->dir, 0755), 0);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        path_of(sample, folders[i], path);
        assert_int_equal(mkdir(path, 0755), 0);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void sample_remove(struct sample *sample)
{
    nftw(sample->top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void sample_put(const struct sample *sample, const char *file, const char *text)
{
    char path[256];
    path_of(sample, file, path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

static size_t make_frame(unsigned char frame[256], const char *payload)
{
    static const unsigned char head[42] = {2,    0, 0, 0, 0, 2, 2,    0,    0,  0,    0, 1, 8,   0,
                                           0x45, 0, 0, 0, 0, 0, 0,    0,    64, 17,   0, 0, 203, 0,
                                           113,  2, 1, 1, 1, 1, 0x0f, 0xa0, 1,  0xbb, 0, 0, 0,   0};
    size_t length = strlen(payload);
    memcpy(frame, head, sizeof head);
    memcpy(frame + sizeof head, payload, length);
    frame[17] = (unsigned char)(28 + length);
    frame[39] = (unsigned char)(8 + length);
    return sizeof head + length;
}

void sample_capture(const struct sample *sample, const char *file, int link, long second, long step,
                    int frames, const char *payload)
{
    char path[256];
    unsigned char frame[256];
    path_of(sample, file, path);
    size_t length = make_frame(frame, payload);
    pcap_t *dead = pcap_open_dead_with_tstamp_precision(link, 65535, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dumper = pcap_dump_open(dead, path);
    assert_non_null(dumper);
    for (int i = 0; i < frames; i++) {
        struct pcap_pkthdr header = {.caplen = (bpf_u_int32)length, .len = (bpf_u_int32)length};
        header.ts.tv_sec = second;
        header.ts.tv_usec = step * (i + 1);
        pcap_dump((u_char *)dumper, &header, frame);
    }
    pcap_dump_close(dumper);
    pcap_close(dead);
}

static const char template[] =
    "{'schema':'firma-conformance/1','run':'r1','created':'2026-11-23T19:00:00Z','exit':1,"
    "'subject':{'kind':'null','path':'/opt/runner','sha256':'aa11'},"
    "'launcher':{'path':'/opt/firma-run','sha256':'bb22'},"
    "'platform':{'system':'Linux','release':'6.1','machine':'x86_64','uid':0},"
    "'register_sha256':'cc33','windows':{'settle_ms':300},'duration_ms':12345,"
    "'counts':{'planned':5,'pass':1,'fail':1,'inconclusive':1,'not_applicable':1},"
    "'problems':['an invariant without a PASS row: dns_confined'],"
    "'rows':["
    "{'id':'by.tcp4','level':'MUST','group':'by','invariant':'direct_bypass_resistant',"
    "'subject':'runner','kind':'deny','launch':'net','statement':'TCP does not leave',"
    "'source':'BY-01','verdict':'FAIL','reason':'tcp to 1.1.1.1:443 carried the nonce','legs':["
    "{'name':'control','ok':true,'detail':'heard by canary',"
    "'evidence':[{'file':'launches/net/control/canary.jsonl','seq':1}]},"
    "{'name':'live-before','ok':true,'detail':'went through','evidence':[]},"
    "{'name':'attempt','ok':true,'detail':'it tried','evidence':[]},"
    "{'name':'live-after','ok':false,'detail':'no request','evidence':[]},"
    "{'name':'health','ok':true,'detail':'all heard','evidence':[]}],"
    "'violations':[{'file':'launches/net/subject/canary.jsonl','seq':1,"
    "'what':'tcp to 1.1.1.1:443 carried the nonce'},"
    "{'file':'launches/net/subject/capture.pcap','seq':1,'what':'a frame'}]},"
    "{'id':'by.udp4','level':'MUST','group':'by','invariant':'direct_bypass_resistant',"
    "'subject':'runner','kind':'deny','launch':'net','statement':'UDP does not leave',"
    "'source':'','verdict':'PASS','reason':'every leg holds','legs':[],'violations':[]},"
    "{'id':'dn.udp','level':'MUST','group':'dn','invariant':'dns_confined','subject':'runner',"
    "'kind':'deny','launch':'net','statement':'DNS does not leave','source':'',"
    "'verdict':'INCONCLUSIVE','reason':'attempt: no receipt','legs':[],'violations':[]},"
    "{'id':'io.tty','level':'MUST','group':'io','invariant':'preserve_stdio_signals_exit',"
    "'subject':'pair','kind':'compare','launch':'signals','statement':'A terminal stays one',"
    "'source':'','verdict':'NOT_APPLICABLE','reason':'no terminal here','legs':[],"
    "'violations':[]},"
    "{'id':'xx.new','level':'MUST','group':'xx','invariant':'of_tomorrow','subject':'pair',"
    "'kind':'compare','launch':'net','statement':'?','source':'','verdict':'pass','reason':'',"
    "'legs':[],'violations':[]}]}";

json_t *sample_result(void)
{
    char text[sizeof template];
    for (size_t i = 0; i < sizeof template; i++)
        text[i] = template[i] == '\'' ? '"' : template[i];
    json_t *result = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(result);
    return result;
}

json_t *sample_row(json_t *result, const char *id)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(result, "rows"), i, row)
        if (strcmp(json_string_value(json_object_get(row, "id")), id) == 0)
            return row;
    fail_msg("no row %s", id);
    return NULL;
}

static int is_kept(const char *key)
{
    return strcmp(key, "id") == 0 || strcmp(key, "invariant") == 0 || strcmp(key, "verdict") == 0;
}

static void poison(json_t *value, const char *text, size_t length)
{
    const char *key;
    void *next;
    json_t *item;
    size_t i;
    json_object_foreach_safe(value, next, key, item)
    {
        if (json_is_string(item) && !is_kept(key))
            json_object_set_new(value, key, json_stringn_nocheck(text, length));
        else
            poison(item, text, length);
    }
    json_array_foreach (value, i, item)
        poison(item, text, length);
}

void sample_poison(json_t *result, const char *text, size_t length)
{
    poison(json_object_get(result, "rows"), text, length);
    json_t *problems = json_object_get(result, "problems");
    json_array_set_new(problems, 0, json_stringn_nocheck(text, length));
    poison(json_object_get(result, "subject"), text, length);
    json_object_set_new(result, "created", json_stringn_nocheck(text, length));
    json_object_set_new(result, "run", json_stringn_nocheck(text, length));
}

char *sample_read(const struct sample *sample, const char *file)
{
    char path[256];
    path_of(sample, file, path);
    FILE *in = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (in == NULL || text == NULL) {
        free(text);
        return NULL;
    }
    size_t got = fread(text, 1, (1 << 20) - 1, in);
    text[got] = '\0';
    fclose(in);
    return text;
}

size_t sample_count(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}
