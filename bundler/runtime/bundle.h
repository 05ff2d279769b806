/*
 * Opens a bundle: trailer and header, read and checked at each start. What is in a `struct sb_bundle` can be trusted to
 * be well formed: every count, offset and length was held against its area here, every string ends with its NUL and
 * holds no other, the path records cover rows, strings and frames without gap. FORMAT.md is the authority.
 */
#ifndef SB_BUNDLE_H
#define SB_BUNDLE_H

#include "failure.h"
#include "format.h"

struct sb_bundle {
  int file; /* borrowed */
  const struct sb_header *header;
  const struct sb_path_record *paths;        /* header->path_count */
  const struct sb_entrypoint *entrypoints;   /* header->entrypoint_count */
  const struct sb_string *args;              /* header->arg_count */
  const struct sb_string *default_args;      /* header->default_arg_count */
  const struct sb_env_record *env;           /* header->env_count */
  const struct sb_bind_record *binds;        /* header->bind_count */
  char *strings;                             /* readable: the flipped bit is flipped back */
  void *memory;                              /* holds all of the above */
};

/*
 * Reads the bundle in `file`, which has to stay open as long as the bundle is used. `path` is for messages; `machine`
 * is the e_machine that it has to be made for. On success the caller closes the bundle; on failure there is nothing to
 * close.
 */
enum sb_reason sb_bundle_open(struct sb_bundle *bundle, int file, const char *path, unsigned machine,
                              struct sb_failure *failure);

void sb_bundle_close(struct sb_bundle *bundle);

/* The e_machine that this code is compiled for. */
unsigned sb_bundle_own_machine(void);

/* Returns a string of the header, NUL-terminated; it lives as long as the bundle. */
static inline const char *sb_bundle_string(const struct sb_bundle *bundle, struct sb_string string) {
  return bundle->strings + string.offset;
}

/* Returns `<hash>-<name>` of a store path. */
static inline const char *sb_bundle_base(const struct sb_bundle *bundle, uint32_t path) {
  return sb_bundle_string(bundle, bundle->paths[path].base);
}

/* Whether an absolute path is one of the store paths, or below one. */
bool sb_bundle_has(const struct sb_bundle *bundle, const char *file);

#endif
