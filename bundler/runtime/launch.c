#include "launch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "privilege.h"
#include "text.h"

const struct sb_entrypoint *sb_launch_entrypoint(const struct sb_bundle *bundle, const char *called) {
  if (sb_privilege_is_borrowed()) return &bundle->entrypoints[0];
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
  const struct sb_header *header = bundle->header;
  size_t given = count(argv);
  uint32_t defaults = given > 1 ? 0 : header->default_arg_count;
  char **arguments = calloc(given + header->arg_count + defaults + 2, sizeof *arguments);
  if (arguments == NULL) return NULL;
  char **next = arguments;
  *next++ = given > 0 ? argv[0] : (char *)sb_bundle_string(bundle, header->name);
  for (uint32_t i = 0; i < header->arg_count; i++) *next++ = (char *)sb_bundle_string(bundle, bundle->args[i]);
  for (uint32_t i = 0; i < defaults; i++) *next++ = (char *)sb_bundle_string(bundle, bundle->default_args[i]);
  for (size_t i = 1; i < given; i++) *next++ = argv[i];
  return arguments;
}

/* Whether `entry`, NAME=value, is about `name`. */
static bool is_variable(const char *entry, const char *name) {
  size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* Returns where `name` stands in a list that ends with NULL, or that end. */
static char **find(char **list, const char *name) {
  while (*list != NULL && !is_variable(*list, name)) list++;
  return list;
}

/* The closure's own loader must not load what was meant for the host's. */
static bool is_for_loader(const char *entry) {
  return is_variable(entry, "LD_PRELOAD") || is_variable(entry, "LD_LIBRARY_PATH") || is_variable(entry, "LD_AUDIT");
}

static char *join(const char *name, const char *first, const char *second) {
  bool both = *first != '\0' && *second != '\0';
  return sb_text_format("%s=%s%s%s", name, first, both ? ":" : "", second);
}

/* Does to the list what one record says; there is room for one more. What is replaced was borrowed, or lives on. */
static bool apply(char **environment, const struct sb_bundle *bundle, const struct sb_env_record *record) {
  const char *name = sb_bundle_string(bundle, record->name), *value = sb_bundle_string(bundle, record->value);
  char **at = find(environment, name);
  const char *old = *at == NULL ? "" : *at + strlen(name) + 1;
  switch ((enum sb_env_policy)record->policy) {
    case SB_ENV_UNSET:
      for (; *at != NULL; at++) at[0] = at[1];
      return true;
    case SB_ENV_WHERE_UNSET_IF_PRESENT:
      if (access(value, F_OK) != 0) return true;
      /* fall through */
    case SB_ENV_WHERE_UNSET:
      if (*at != NULL) return true;
      break;
    case SB_ENV_ALWAYS:
      break;
    case SB_ENV_PREPEND:
      return (*at = join(name, value, old)) != NULL;
    case SB_ENV_APPEND:
      return (*at = join(name, old, value)) != NULL;
  }
  return (*at = join(name, value, "")) != NULL;
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
    if (apply(environment, bundle, &bundle->env[i])) continue;
    free(environment);
    return NULL;
  }
  return environment;
}

/* The path of a program as the app sees it: in an image its own, by which it finds its neighbours. */
static const char *program_path(const struct sb_bundle *bundle, const char *program) {
  static const char store[] = "/nix/store/";
  struct sb_string root = bundle->header->root;
  const char *inside = program + sizeof store - 1;
  bool is_in_root = root.length > 0 && strncmp(inside, sb_bundle_string(bundle, root), root.length) == 0 &&
                    inside[root.length] == '/';
  return is_in_root ? inside + root.length : program;
}

/* Goes where the app starts and becomes `program`. */
static enum sb_reason become(const struct sb_start *start, const char *program, char *const *arguments,
                             char *const *environment, struct sb_failure *failure) {
  if (arguments == NULL || environment == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, program, NULL);
  const char *directory = sb_bundle_string(start->bundle, start->bundle->header->working_directory);
  if (*directory != '\0' && chdir(directory) != 0) {
    return sb_failure_set(failure, SB_DIRECTORY_REFUSED, errno, directory, NULL);
  }
  execve(program, arguments, environment);
  enum sb_reason reason = errno == ENOENT ? SB_PROGRAM_ABSENT : SB_PROGRAM_REFUSED;
  return sb_failure_set(failure, reason, reason == SB_PROGRAM_ABSENT ? 0 : errno, program, NULL);
}

enum sb_reason sb_launch(const struct sb_start *start, char *const *argv, char *const *inherited,
                         struct sb_failure *failure) {
  const struct sb_entrypoint *entrypoint = sb_launch_entrypoint(start->bundle, argv[0]);
  const char *program = program_path(start->bundle, sb_bundle_string(start->bundle, entrypoint->program));
  SB_AUTO_FREE char **arguments = make_arguments(start->bundle, argv);
  SB_AUTO_FREE char **environment = make_environment(start, inherited);
  bool has_own_name = (start->bundle->header->flags & SB_FLAG_OWN_NAME) != 0;
  if (arguments != NULL && has_own_name) arguments[0] = (char *)program;
  return become(start, program, arguments, environment, failure);
}

/* Directories of programs below a store path; an image has them as any root. */
static const char *const program_directories[] = {"bin", "sbin", "usr/local/bin", "usr/bin", "usr/sbin"};

enum { PROGRAM_DIRECTORIES = sizeof program_directories / sizeof *program_directories };

/*
 * Returns, in heap memory, a program of that name in a store path, the app's own first; NULL where there is none. With
 * `found` it goes on, and adds all those directories.
 */
static char *search(const struct sb_bundle *bundle, const char *name, struct sb_text *found) {
  /* What stands for /nix/store after a relocation is as long. */
  static const int store_bytes = 10;
  const char *store = sb_bundle_string(bundle, bundle->entrypoints[0].program);
  for (uint32_t i = bundle->header->path_count; i-- > 0;) {
    for (size_t j = 0; j < PROGRAM_DIRECTORIES; j++) {
      SB_AUTO_FREE char *top = strndup(store, store_bytes);
      SB_AUTO_FREE char *directory = sb_text_format("%s/%s/%s", top, sb_bundle_base(bundle, i), program_directories[j]);
      if (directory == NULL || access(directory, X_OK) != 0) continue;
      if (found != NULL) sb_text_add(found, "%s%s", found->bytes == 0 ? "" : ":", program_path(bundle, directory));
      SB_AUTO_FREE char *program = name == NULL ? NULL : sb_text_format("%s/%s", directory, name);
      if (program != NULL && access(program, X_OK) == 0) return strdup(program_path(bundle, program));
    }
  }
  return NULL;
}

static char *find_program(const struct sb_bundle *bundle, const char *name) {
  for (uint32_t i = 0; i < bundle->header->entrypoint_count; i++) {
    if (strcmp(name, sb_bundle_string(bundle, bundle->entrypoints[i].name)) != 0) continue;
    return strdup(program_path(bundle, sb_bundle_string(bundle, bundle->entrypoints[i].program)));
  }
  if (sb_bundle_has(bundle, name)) return strdup(program_path(bundle, name));
  /* The root is the image's by now. */
  if (bundle->header->root.length > 0 && *name == '/' && access(name, X_OK) == 0) return strdup(name);
  return strchr(name, '/') == NULL ? search(bundle, name, NULL) : NULL;
}

enum sb_reason sb_launch_other(const struct sb_start *start, char *const *argv, char *const *inherited,
                               struct sb_failure *failure) {
  SB_AUTO_FREE char *program = find_program(start->bundle, argv[0]);
  if (program == NULL) return sb_failure_set(failure, SB_PROGRAM_UNKNOWN, 0, argv[0], NULL);
  SB_AUTO_FREE struct sb_text found = {0};
  search(start->bundle, NULL, &found);
  SB_AUTO_FREE char **environment = make_environment(start, inherited);
  SB_AUTO_FREE char **longer = environment == NULL ? NULL : calloc(count(environment) + 2, sizeof *longer);
  if (longer == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, program, NULL);
  memcpy(longer, environment, count(environment) * sizeof *longer);
  char **path = find(longer, "PATH");
  char *joined = join("PATH", *path == NULL ? "" : *path + sizeof "PATH", found.data == NULL ? "" : found.data);
  if (joined != NULL) *path = joined;
  return become(start, program, argv, longer, failure);
}
