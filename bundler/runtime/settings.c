#include "settings.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
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

static enum sb_reason wrong(const char *name, const char *value, const char *wanted, struct sb_failure *failure) {
  SB_AUTO_FREE char *setting = sb_text_format("%s=%s", name, value);
  return sb_failure_set(failure, SB_SETTING_WRONG, 0, setting, wanted);
}

static enum sb_reason read_jobs(unsigned *jobs, struct sb_failure *failure) {
  static const char name[] = "SADDLEBAG_JOBS";
  const char *value = sb_settings_variable(name);
  *jobs = count_processors();
  if (value == NULL) return SB_OK;
  uint64_t number;
  const char *end = sb_text_number(value, &number);
  if (end == NULL || *end != '\0' || number == 0 || number > JOBS_MAX) {
    return wrong(name, value, "a number from 1 to 64", failure);
  }
  *jobs = (unsigned)number;
  return SB_OK;
}

/* Relative to what? The app's working directory may be any, and the next start's another. */
static enum sb_reason check_directory(struct sb_failure *failure) {
  static const char name[] = "SADDLEBAG_CACHE_DIR";
  const char *value = sb_settings_variable(name);
  return value == NULL || *value == '/' ? SB_OK : wrong(name, value, "an absolute path", failure);
}

enum sb_reason sb_settings_read(struct sb_settings *settings, struct sb_failure *failure) {
  *settings = (struct sb_settings){
      .strategy = sb_settings_variable("SADDLEBAG_STRATEGY"),
      .keep_env = is_on("SADDLEBAG_KEEP_ENV"),
      .sync = is_on("SADDLEBAG_SYNC"),
      .debug = is_on("SADDLEBAG_DEBUG"),
  };
  enum sb_reason reason = read_jobs(&settings->jobs, failure);
  return reason == SB_OK ? check_directory(failure) : reason;
}
