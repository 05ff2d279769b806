/*
 * What a user may set. Everything comes from the environment, and nothing is taken from it in a privileged start
 * (AT_SECURE): there the caller must not choose where we write or what we run.
 *
 *   SADDLEBAG_STRATEGY   take this strategy or none (native, in-place, lazy, namespace, relocate)
 *   SADDLEBAG_CACHE_DIR  keep extracted store paths here, an absolute path
 *   SADDLEBAG_JOBS       threads that extract, 1 to 64; else the processors that we may run on, at most 8
 *   SADDLEBAG_KEEP_ENV   1: pass LD_PRELOAD, LD_LIBRARY_PATH and LD_AUDIT on to the app
 *   SADDLEBAG_SYNC       1: write extracted store paths to disk before they are trusted, so that they outlive the boot
 *   SADDLEBAG_DEBUG      1: tell on stderr which strategy was taken and why the others were not
 */
#ifndef SB_SETTINGS_H
#define SB_SETTINGS_H

#include <stdbool.h>

#include "failure.h"

struct sb_settings {
  const char *strategy;        /* NULL: any */
  unsigned jobs;               /* at least 1 */
  bool keep_env;
  bool sync;
  bool debug;
};

/* Reads them; SB_SETTING_WRONG where one has a value that it can't have. */
enum sb_reason sb_settings_read(struct sb_settings *settings, struct sb_failure *failure);

/* Returns a variable of the environment, or NULL where it is unset, empty or not to be trusted. */
const char *sb_settings_variable(const char *name);

#endif
