/* What of a set of names processes run from, as far as /proc tells: their mounts, mappings, programs and directories. */
#ifndef SB_USAGE_H
#define SB_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A store path, or a directory that one closure has for itself; what collection keeps or removes as a whole. */
struct sb_unit {
  char *name; /* owned */
  int64_t used_at; /* seconds since 1970 */
  uint64_t bytes;
  bool is_kept; /* something runs from it */
};

/* Sorted by name. */
struct sb_units {
  struct sb_unit *list;
  size_t count;
};

/* Adds a name, which has to be a new one; NULL where memory is short. What was returned before is no longer valid. */
struct sb_unit *sb_units_add(struct sb_units *units, const char *name);

/* Returns the unit whose name is the first `length` bytes of `name`, or NULL. */
struct sb_unit *sb_units_find(const struct sb_units *units, const char *name, size_t length);

void sb_units_free(struct sb_units *units);

/*
 * Keeps each unit that a process names as a component of a path. Processes whose /proc we may not read are left out.
 * False where there is no /proc to ask.
 */
bool sb_usage_keep(struct sb_units *units);

#endif
