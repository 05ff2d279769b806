/*
 * The runtime: the executable at the head of every bundle. Opens its own file, makes the closure appear at /nix/store
 * and becomes the app. See README.md for the map of this folder and bundler/FORMAT.md for the bytes.
 *
 * Exit codes before the app runs: 125 a failure of ours, 126 the program can't be executed, 127 it is not there,
 * 128 + n a signal that came while we extracted. Afterwards they are the app's own.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "init.h"
#include "launch.h"
#include "message.h"
#include "options.h"
#include "self.h"

enum { EXIT_OURS = 125, EXIT_REFUSED = 126, EXIT_ABSENT = 127, EXIT_SIGNAL = 128 };

static int exit_code(const struct sb_failure *failure) {
  if (failure->reason == SB_PROGRAM_REFUSED) return EXIT_REFUSED;
  if (failure->reason == SB_PROGRAM_ABSENT || failure->reason == SB_PROGRAM_UNKNOWN) return EXIT_ABSENT;
  return failure->reason == SB_INTERRUPTED ? EXIT_SIGNAL + failure->error : EXIT_OURS;
}

static int fail(const char *program, struct sb_failure *failure) {
  int code = exit_code(failure);
  if (failure->reason != SB_INTERRUPTED) sb_message_failure(program, failure);
  sb_failure_clear(failure);
  return code;
}

/* Puts the store paths in place, or says why none of the ways to do so works. */
static int provide_closure(const struct sb_start *start) {
  struct sb_attempts attempts = {0};
  enum sb_reason reason = sb_strategy_choose(start, &attempts);
  int code = 0;
  if (sb_reason_is_refusal(reason)) {
    sb_message_attempts(start, &attempts);
    code = EXIT_OURS;
  } else if (reason != SB_OK) {
    code = fail(start->program, &attempts.failures[attempts.count - 1]);
  }
  sb_attempts_clear(&attempts);
  return code;
}

static int run(const struct sb_start *start, char **argv, struct sb_failure *failure) {
  char **program = NULL;
  if (sb_options_are_meant(start->bundle, argv)) {
    program = sb_options_program(argv);
    if (program == NULL) return sb_options_run(start, argv, failure) == SB_OK ? 0 : fail(start->program, failure);
  }
  int code = provide_closure(start);
  if (code != 0) return code;
  int child = sb_init_is_wanted(start->bundle) ? sb_init_split() : 0;
  if (child > 0) sb_init_serve(child);
  if (child < 0) {
    sb_failure_set(failure, SB_CHILD_REFUSED, errno, "the app", NULL);
  } else if (program != NULL) {
    sb_launch_other(start, program, environ, failure);
  } else {
    sb_launch(start, argv, environ, failure);
  }
  return fail(start->program, failure);
}

/* Returns what the user called us, for messages. */
static char *read_program(const char *called) {
  const char *slash = called == NULL ? NULL : strrchr(called, '/');
  const char *name = slash == NULL ? called : slash + 1;
  return sb_printable(name == NULL || *name == '\0' ? "saddlebag" : name);
}

int main(int argc, char **argv) {
  SB_AUTO_FREE char *given = read_program(argc > 0 ? argv[0] : NULL);
  const char *program = given == NULL ? "saddlebag" : given;
  struct sb_failure failure = {0};
  sb_file_hold_streams();
  struct sb_settings settings;
  struct sb_self self;
  struct sb_bundle bundle;
  enum sb_reason reason = sb_settings_read(&settings, &failure);
  if (reason == SB_OK) reason = sb_self_open(&self, &failure);
  if (reason == SB_OK) reason = sb_bundle_open(&bundle, self.file, self.path, sb_bundle_own_machine(), &failure);
  if (reason != SB_OK) return fail(program, &failure);
  struct sb_start start = {.program = program, .bundle = &bundle, .settings = &settings};
  int code = run(&start, argv, &failure);
  sb_bundle_close(&bundle);
  sb_self_close(&self);
  return code;
}
