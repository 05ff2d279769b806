#include "launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

const struct sb_entrypoint *sb_launch_entrypoint(const struct sb_bundle *bundle, const char *called) {
  const char *slash = called == NULL ? NULL : strrchr(called, '/');
  const char *name = slash == NULL ? called : slash + 1;
  for (uint32_t i = 0; name != NULL && i < bundle->header->entrypoint_count; i++) {
    if (strcmp(name, sb_bundle_string(bundle, bundle->entrypoints[i].name)) == 0) return &bundle->entrypoints[i];
  }
  return &bundle->entrypoints[0];
}

static size_t count(char *const *list) {
  size_t length = 0;
  while (list[length] != NULL) length++;
  return length;
}

/* Returns argv with the bundle's arguments behind its first; the strings are borrowed. */
static char **make_arguments(const struct sb_bundle *bundle, char *const *argv) {
  size_t given = count(argv), own = bundle->header->arg_count;
  char **arguments = calloc(given + own + 2, sizeof *arguments);
  if (arguments == NULL) return NULL;
  char **next = arguments;
  *next++ = given > 0 ? argv[0] : (char *)sb_bundle_string(bundle, bundle->header->name);
  for (size_t i = 0; i < own; i++) *next++ = (char *)sb_bundle_string(bundle, bundle->args[i]);
  for (size_t i = 1; i < given; i++) *next++ = argv[i];
  return arguments;
}

/* Whether `entry`, NAME=value, is about `name`. */
static bool is_variable(const char *entry, const char *name) {
  size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool is_set(char *const *inherited, const char *name) {
  for (; *inherited != NULL; inherited++) {
    if (is_variable(*inherited, name)) return true;
  }
  return false;
}

/* The closure's own loader must not load what was meant for the host's. */
static bool is_for_loader(const char *entry) {
  return is_variable(entry, "LD_PRELOAD") || is_variable(entry, "LD_LIBRARY_PATH") || is_variable(entry, "LD_AUDIT");
}

/* Returns the app's environment; what is added is never freed, for the process becomes another one. */
static char **make_environment(const struct sb_start *start, char *const *inherited) {
  const struct sb_bundle *bundle = start->bundle;
  bool drops_loader = (bundle->header->flags & SB_FLAG_OWN_LOADER) != 0 && !start->settings->keep_env;
  char **environment = calloc(count(inherited) + bundle->header->env_count + 1, sizeof *environment);
  if (environment == NULL) return NULL;
  char **next = environment;
  for (char *const *entry = inherited; *entry != NULL; entry++) {
    if (!drops_loader || !is_for_loader(*entry)) *next++ = *entry;
  }
  for (uint32_t i = 0; i < bundle->header->env_count; i++) {
    const char *name = sb_bundle_string(bundle, bundle->env[i].name);
    if (is_set(inherited, name)) continue;
    if (asprintf(next++, "%s=%s", name, sb_bundle_string(bundle, bundle->env[i].value)) < 0) {
      free(environment);
      return NULL;
    }
  }
  return environment;
}

enum sb_reason sb_launch(const struct sb_start *start, char *const *argv, char *const *inherited,
                         struct sb_failure *failure) {
  const struct sb_entrypoint *entrypoint = sb_launch_entrypoint(start->bundle, argv[0]);
  const char *program = sb_bundle_string(start->bundle, entrypoint->program);
  SB_AUTO_FREE char **arguments = make_arguments(start->bundle, argv);
  SB_AUTO_FREE char **environment = make_environment(start, inherited);
  if (arguments == NULL || environment == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, program, NULL);
  execve(program, arguments, environment);
  enum sb_reason reason = errno == ENOENT ? SB_PROGRAM_ABSENT : SB_PROGRAM_REFUSED;
  return sb_failure_set(failure, reason, reason == SB_PROGRAM_ABSENT ? 0 : errno, program, NULL);
}
