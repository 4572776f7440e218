/* conformance_json.c - the judged result itself, as the one report other programs build upon. */
#include "report/output.h"
#include "report/rundir.h"

int cf_output_conformance(int dir, const json_t *result, struct cf_error *err)
{
    struct cf_rundir_output out;
    int code = cf_rundir_create(dir, "conformance.json", &out, err);
    if (code != 0)
        return code;
    /* ASCII: the file is safe to look at in a terminal, whatever it quotes. */
    if (json_dumpf(result, out.file, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0) {
        cf_rundir_discard(&out);
        return cf_fail(err, CF_E_BUNDLE, 0, "conformance.json: the result cannot be written");
    }
    fputc('\n', out.file);
    return cf_rundir_commit(&out, err);
}
