/* techniques.h - one function per technique of techniques.def: probe_tech_<function>. */
#ifndef PROBE_TECHNIQUES_H
#define PROBE_TECHNIQUES_H

#include "probe.h"

#define ANY(name, function)   probe_technique probe_tech_##function;
#define LINUX(name, function) probe_technique probe_tech_##function;
#include "techniques.def"
#undef ANY
#undef LINUX

/* Runs what then= names (tcp without it), with the same parameters, in this process. */
probe_technique probe_then;
/* Makes the file system under PATH writable, where the system lets it; OUT notes how it went. */
void probe_remount(const char *path, struct probe_outcome *out);

#endif
