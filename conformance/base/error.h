/* error.h - the suite's error object: caller-owned, last parameter, untouched on success. */
#ifndef CF_ERROR_H
#define CF_ERROR_H

enum cf_error_code {
    CF_OK = 0,
    CF_E_USAGE = 1,   /* the invocation is wrong */
    CF_E_SYSTEM = 2,  /* a system call failed */
    CF_E_LAB = 3,     /* the lab cannot be built here */
    CF_E_BUNDLE = 4,  /* evidence is missing, edited, truncated or from another invocation */
    CF_E_NOTHING = 5, /* nothing was selected, so nothing can pass */
};

struct cf_error {
    int code;
    int errnum;
    char text[1024];
};

/* Fills ERR (which may be NULL) and returns -CODE; ERRNUM != 0 appends its strerror text. */
int cf_fail(struct cf_error *err, int code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "PREFIX: " before ERR's text and returns -ERR->code. */
int cf_wrap(struct cf_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
