/*
 * sites.h - every call of the system that a program makes, failed once.
 *
 * A tortured program is the product's own objects, linked so that the functions of sites.def go
 * through sites.c (ld's --wrap). The variable FIRMA_TORTURE names a file that holds this table; the
 * program and all its forks share it. First a run only notes who calls: a site is a place in the
 * code. Then the test sets `target` and `turn`, and the call that comes from there for that time
 * fails with the error that sites.def has for it, without being made.
 */
#ifndef TORTURE_SITES_H
#define TORTURE_SITES_H

#include <stdint.h>

enum { TORTURE_SITES = 2048 };

struct torture_site {
    uint64_t place; /* offset of the return address in the program; 0: none */
    uint32_t hits;  /* while `target` was 0 */
    uint32_t call;  /* line of sites.def, from 0 */
};

struct torture_table {
    uint64_t target; /* a site's place; 0: note sites, fail nothing */
    uint32_t turn;   /* the how-maniest call of it fails, from 1 */
    uint32_t seen;   /* of its calls */
    uint32_t fired;
    uint32_t count; /* sites */
    struct torture_site sites[TORTURE_SITES];
};

#endif
