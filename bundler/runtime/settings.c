#include "settings.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { JOBS_BY_DEFAULT_MAX = 8, JOBS_MAX = 64 };

const char *sb_settings_variable(const char *name) {
  const char *value = secure_getenv(name);
  return value == NULL || *value == '\0' ? NULL : value;
}

static bool is_on(const char *name) {
  const char *value = sb_settings_variable(name);
  return value != NULL && strcmp(value, "0") != 0;
}

static unsigned count_processors(void) {
  cpu_set_t allowed;
  int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  return count < 1 ? 1 : count > JOBS_BY_DEFAULT_MAX ? JOBS_BY_DEFAULT_MAX : (unsigned)count;
}

static unsigned choose_jobs(void) {
  const char *value = sb_settings_variable("SADDLEBAG_JOBS");
  if (value == NULL) return count_processors();
  uint64_t jobs;
  const char *end = sb_text_number(value, &jobs);
  /* Threads only change how long an extraction takes: a value that makes no sense is no reason not to start. */
  if (end == NULL || *end != '\0' || jobs == 0) return count_processors();
  return jobs > JOBS_MAX ? JOBS_MAX : (unsigned)jobs;
}

struct sb_settings sb_settings_read(void) {
  return (struct sb_settings){
      .strategy = sb_settings_variable("SADDLEBAG_STRATEGY"),
      .jobs = choose_jobs(),
      .keep_env = is_on("SADDLEBAG_KEEP_ENV"),
      .sync = is_on("SADDLEBAG_SYNC"),
      .debug = is_on("SADDLEBAG_DEBUG"),
  };
}
