/*
 * The runtime's own options: `--saddlebag-…`, as the first argument only, so that none collides with the app's. Each does
 * its work instead of a start; `exec` starts another program of the closure.
 */
#ifndef SB_OPTIONS_H
#define SB_OPTIONS_H

#include <stddef.h>

#include "strategy.h"

/* What an option works on. `arguments` are those behind it and end with NULL. */
struct sb_request {
  const struct sb_start *start;
  const char *called; /* argv[0], may be NULL */
  char **arguments;
};

/*
 * Whether the arguments ask for an option rather than for the app, of a bundle that has options. With borrowed rights
 * (privilege.h) it has none: they would start any program of the closure, and write anywhere.
 */
bool sb_options_are_meant(const struct sb_bundle *bundle, char *const *argv);

/* The program that `exec` is to start with its arguments, ending with NULL; NULL where another option was given. */
char **sb_options_program(char **argv);

/* Does what an option other than `exec` says. */
enum sb_reason sb_options_run(const struct sb_start *start, char **argv, struct sb_failure *failure);

/* Writes a text to stdout and empties it; a failure with errno where stdout does not take it. */
enum sb_reason sb_options_print(const char *text, size_t bytes, struct sb_failure *failure);

/* The options, one function a file of the same name. */
enum sb_reason sb_info_run(const struct sb_request *request, struct sb_failure *failure);
enum sb_reason sb_gc_run(const struct sb_request *request, struct sb_failure *failure);
enum sb_reason sb_list_run(const struct sb_request *request, struct sb_failure *failure);
enum sb_reason sb_unpack_run(const struct sb_request *request, struct sb_failure *failure);
enum sb_reason sb_verify_run(const struct sb_request *request, struct sb_failure *failure);

#endif
