#include "options.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "privilege.h"
#include "text.h"

static const char prefix[] = "--saddlebag-";

struct option {
  const char *name;
  const char *arguments; /* what it takes, for people */
  const char *does;
  enum sb_reason (*run)(const struct sb_request *request, struct sb_failure *failure); /* NULL: `exec` */
  size_t argument_count; /* how many; SIZE_MAX: its own business */
};

static enum sb_reason print_help(const struct sb_request *request, struct sb_failure *failure);

static const struct option options[] = {
    {"help", "", "print this", print_help, 0},
    {"info", "", "say what the bundle is and how it would start here, as JSON", sb_info_run, 0},
    {"list", "", "list the files of the closure", sb_list_run, 0},
    {"extract", "DIR", "unpack the closure to DIR, which is made or empty", sb_unpack_run, 1},
    {"verify", "", "check the bundle and what the cache has of it, and mend that", sb_verify_run, 0},
    {"gc", "[--age 30d] [--quota 5G] [--dry-run]", "remove from the cache what was not used for long", sb_gc_run, SIZE_MAX},
    {"exec", "PROGRAM [ARG…]", "run another program of the closure, such as bash, as the app would run", NULL, 0},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

enum sb_reason sb_options_print(const char *text, size_t bytes, struct sb_failure *failure) {
  while (bytes > 0) {
    ssize_t written = write(STDOUT_FILENO, text, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return sb_failure_set(failure, SB_OUTPUT_FAILED, errno, "the standard output", NULL);
    text += written;
    bytes -= (size_t)written;
  }
  return SB_OK;
}

static enum sb_reason print_help(const struct sb_request *request, struct sb_failure *failure) {
  SB_AUTO_FREE struct sb_text text = {0};
  sb_text_add(&text, "As the first argument of %s, instead of the app's own:\n", request->start->program);
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &options[i];
    const char *space = *option->arguments == '\0' ? "" : " ";
    sb_text_add(&text, "  %s%s%s%s\n      %s\n", prefix, option->name, space, option->arguments, option->does);
  }
  return sb_options_print(text.data, text.bytes, failure);
}

bool sb_options_are_meant(const struct sb_bundle *bundle, char *const *argv) {
  return (bundle->header->flags & SB_FLAG_NO_OPTIONS) == 0 && argv[0] != NULL && argv[1] != NULL &&
         strncmp(argv[1], prefix, sizeof prefix - 1) == 0 && !sb_privilege_is_borrowed();
}

static const struct option *find_option(const char *given) {
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (strcmp(given + sizeof prefix - 1, options[i].name) == 0) return &options[i];
  }
  return NULL;
}

char **sb_options_program(char **argv) {
  const struct option *option = find_option(argv[1]);
  return option != NULL && option->run == NULL && argv[2] != NULL ? argv + 2 : NULL;
}

enum sb_reason sb_options_run(const struct sb_start *start, char **argv, struct sb_failure *failure) {
  const struct option *option = find_option(argv[1]);
  if (option == NULL) return sb_failure_set(failure, SB_OPTION_UNKNOWN, 0, argv[1], NULL);
  size_t count = 0;
  while (argv[2 + count] != NULL) count++;
  /* `exec` comes here for want of a program. */
  bool fits = option->run != NULL && (option->argument_count == SIZE_MAX || count == option->argument_count);
  if (!fits) return sb_failure_set(failure, SB_OPTION_MISUSED, 0, argv[1], *option->arguments == '\0' ? "none" : option->arguments);
  struct sb_request request = {.start = start, .called = argv[0], .arguments = argv + 2};
  return option->run(&request, failure);
}
