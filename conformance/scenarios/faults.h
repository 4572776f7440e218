/* faults.h - what is wrong with a launch that must not happen: see refuse.c. */
#ifndef CF_FAULTS_H
#define CF_FAULTS_H

#include <sys/stat.h>

#include "scenarios/gate.h"
#include "scenarios/stage.h"

enum cf_way {
    CF_THROUGH,  /* the launcher and the runner under test */
    CF_RECORDED, /* the launcher alone: its runner is the recorder */
    CF_DIRECT    /* straight to the runner, with a contract of the suite's own */
};

/* One launch in the making: a fault changes whatever it has to. */
struct cf_attempt {
    struct cf_stage *stage;
    const char *runner;
    struct cf_start start;
    json_t *contract; /* CF_DIRECT; NULL otherwise */
    char *text;       /* the contract as it will be written; allocated */
    size_t length;
    mode_t mode;        /* of the contract's file */
    bool sidecar_moved; /* the sidecar has to be started anew afterwards */
    struct cf_gate gate;
};

struct cf_fault {
    const char *name;
    enum cf_way way;
    const char *set;     /* NAME=VALUE in the launcher's environment; NAME alone: not set at all */
    const char *options; /* further words before the launcher's "--" */
    const char *at;      /* in the contract: keys between dots, a list's place as a number */
    const char *value;   /* JSON for that place; NULL: it is left out */
    void (*make)(struct cf_attempt *attempt);  /* whatever else, before anything is written */
    void (*edit)(struct cf_attempt *attempt);  /* of the contract's text */
    void (*plant)(struct cf_attempt *attempt); /* once the contract's file is there */
    void (*undo)(struct cf_attempt *attempt);
};

extern const char cf_recorder[];
extern const char cf_direct_directory[], cf_direct_contract[];

/* Each list ends with a NULL name. */
extern const struct cf_fault cf_launcher_faults[]; /* faults_launcher.c */
extern const struct cf_fault cf_contract_faults[]; /* faults_contract.c */
extern const struct cf_fault cf_host_faults[];     /* faults_host.c */
extern const struct cf_fault cf_machine_faults[];  /* faults_machine.c */
const struct cf_fault *cf_fault_find(const char *name);
/* A word that the reason for refusing NAME must have in it; NULL: any reason will do. */
const char *cf_fault_word(const char *name);

/* Makes the change that a fault says in words: environment, options, the contract's place. */
int cf_fault_apply(const struct cf_fault *fault, struct cf_attempt *attempt, struct cf_error *err);

/* The sidecar at the same port, with another script. */
void cf_fault_sidecar(struct cf_attempt *attempt, const char *script);

/* A contract that is right in everything, for COMMAND, with the stage's sidecar for a bridge. New
 * reference. */
json_t *cf_direct_contract_for(const struct cf_stage *stage, const char *const *command);

/* Files that no launcher should take for an artifact, below /lab/odd. */
int cf_plant_odd_files(struct cf_error *err);

#endif
