/* The command line: verbs, options, and what it says when it refuses. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bed.h"
#include "firma_contract.h"

/* Runs LINE in a shell that knows $F (firma-run), $R (the bed) and the bed's variables; stdout and
 * stderr come together. */
static int shell(struct bed *bed, const char *line, char out[8192])
{
    int ends[2];
    int status;
    bed_set(bed, "F", bed->firma_run);
    bed_set(bed, "R", bed->root);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        if (chdir(bed->cwd) == 0)
            execle("/bin/sh", "sh", "-c", line, (char *)NULL, bed->environment);
        _exit(99);
    }
    close(ends[1]);
    bed_rest(ends[0], out, 8192);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void expect(struct bed *bed, const char *line, int status, const char *text)
{
    char out[8192];
    assert_int_equal(shell(bed, line, out), status);
    if (strstr(out, text) == NULL)
        fail_msg("\"%s\" is not in the output of %s: %s", text, line, out);
}

static void test_help_and_version(void **state)
{
    expect(*state, "$F --help", 0, "usage: firma-run");
    expect(*state, "$F --version", 0, "firma-run " FIRMA_VERSION "\n");
    expect(*state, "$F --help >/dev/full", FIRMA_EXIT_OWN_FAILURE, "standard output");
}

static void test_usage_errors_name_the_option(void **state)
{
    static const struct {
        const char *line;
        const char *text;
    } cases[] = {
        {"$F", "COMMAND: is missing"},
        {"$F --", "COMMAND: is missing"},
        {"$F ls", "ls: unexpected; the command comes after --"},
        {"$F --frobnicate -- ls", "--frobnicate: unknown option"},
        {"$F --sidecar", "--sidecar: needs a value"},
        {"$F --keep=yes -- ls", "--keep: takes no value"},
        {"$F --grace soon -- ls", "--grace soon: must be a whole number"},
        {"$F --grace -1 -- ls", "--grace -1: must be a whole number"},
        {"$F --status-fd x -- ls", "--status-fd x: must be a whole number"},
        {"$F --status-fd 2 -- ls", "--status-fd 2: is the command's own"},
        {"$F --status-fd 77 -- ls", "--status-fd 77: Bad file descriptor"},
        {"$F validate", "exactly one FILE"},
        {"$F contract", "COMMAND: is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(*state, cases[i].line, FIRMA_EXIT_OWN_FAILURE, cases[i].text);
        expect(*state, cases[i].line, FIRMA_EXIT_OWN_FAILURE, "see firma-run --help");
    }
}

static void test_check_prints_the_proof_and_leaves_nothing(void **state)
{
    struct bed *bed = *state;
    char out[8192];
    assert_int_equal(shell(bed, "$F check --runtime-dir $R/run", out), 0);
    static const char start[] = "{\"backend\":\"vz\",\"structural\":true,\"fail_closed\":true,"
                                "\"detail\":\"";
    static const char end[] = "\",\"network_confinement\":\"macos_vz_guest\"}\n";
    assert_memory_equal(out, start, sizeof start - 1);
    assert_string_equal(out + strlen(out) - (sizeof end - 1), end);
    assert_true(bed_is_clean(bed));
    expect(bed, "FIRMA_RUN_VZ_GUEST_KERNEL=/x $F check 2>/dev/null; echo \"<$?>\"", 0, "<125>");
    assert_int_equal(shell(bed, "FIRMA_RUN_VZ_GUEST_KERNEL=/x $F check 2>/dev/null", out), 125);
    assert_string_equal(out, "");
}

static void test_contract_prints_what_a_reader_accepts(void **state)
{
    struct bed *bed = *state;
    struct firma_contract contract;
    struct firma_error err = {0};
    char out[8192];
    assert_int_equal(
        shell(bed, "exec $F contract --runtime-dir=$R/run --env=A=b -- ls -l '' 'a \"b\"'", out),
        0);
    if (firma_contract_decode(out, strlen(out), &contract, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(contract.executable, "ls");
    assert_int_equal(contract.arg_count, 3);
    assert_string_equal(contract.args[2], "a \"b\"");
    assert_string_equal(firma_contract_env(&contract, "A"), "b");
    firma_contract_clear(&contract);
    assert_true(bed_is_clean(bed));
}

/* `umask` and `mkdir -m`: the reader minds who could have changed the file. */
static void test_validate_reads_as_a_runner_does(void **state)
{
    struct bed *bed = *state;
    expect(bed,
           "umask 077; mkdir $R/v && $F contract --runtime-dir $R/run -- ls >$R/v/c && "
           "cd $R/v && $F validate c && $F validate $R/v/c; echo \"<$?>\"",
           0, "<0>");
    expect(bed, "cd $R/v; sed 's/\"version\": 1/\"version\": 2/' c >d; chmod 600 d; $F validate d",
           FIRMA_EXIT_OWN_FAILURE, "version");
    expect(bed, "cd $R/v; chmod 644 c; $F validate c", FIRMA_EXIT_OWN_FAILURE, "custody");
    expect(bed, "$F validate $R/v/missing", FIRMA_EXIT_OWN_FAILURE, "No such file");
}

static void test_log_file_is_private_and_tells_the_story(void **state)
{
    expect(*state,
           "umask 0; $F --runtime-dir $R/run --log-file $R/log -- /bin/true; stat -c %a $R/log; "
           "cat $R/log",
           0, "600\n");
    expect(*state, "cat $R/log", 0, "the runner ended: exit 0, signal 0");
    expect(*state, "ln -s x $R/link; $F --log-file $R/link -- ls", FIRMA_EXIT_OWN_FAILURE,
           "--log-file");
}

/* A launcher started without fds 0-2 must not take its own for them. */
static void test_closed_standard_descriptors_do_no_harm(void **state)
{
    expect(*state, "$F --runtime-dir $R/run -- /bin/sh -c 'exit 9' <&- >&- 2>&-; echo \"<$?>\"", 0,
           "<9>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED(test_help_and_version),
        BED(test_usage_errors_name_the_option),
        BED(test_check_prints_the_proof_and_leaves_nothing),
        BED(test_contract_prints_what_a_reader_accepts),
        BED(test_validate_reads_as_a_runner_does),
        BED(test_log_file_is_private_and_tells_the_story),
        BED(test_closed_standard_descriptors_do_no_harm),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
