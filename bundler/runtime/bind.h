/*
 * Binds: files and directories of the closure or of the host that appear at other paths, in a mount namespace of our own
 * (FORMAT.md, Header). Nothing is ever made on the host: where a mount has nothing to stand on, the directories down to
 * it are made anew in a new root, with all that they held.
 */
#ifndef SB_BIND_H
#define SB_BIND_H

#include <stddef.h>
#include <sys/stat.h>

#include "bundle.h"

struct sb_bind {
  const char *target; /* borrowed */
  int source;         /* open by O_PATH in this mount namespace; owned */
  mode_t type;        /* of the source, S_IFMT of its mode */
  bool always;        /* else only where nothing is at the target */
  bool fills_empty;   /* or an empty directory */
  bool is_read_only;
  bool is_optional;   /* whether the app starts without it where it can't be made */
  char *point;        /* the target without symbolic links; NULL where nothing is to be done; owned */
  size_t ground;      /* bytes of `point` that are a directory already */
  bool is_new;        /* whether the rest is to be made */
};

struct sb_binds {
  struct sb_bind *list;
  size_t count;
  bool is_root_new; /* the old root lies at SB_OLD_ROOT still, for the sources are there */
};

/* Whether nothing has to be done for a bind record: its target is there, or its source is not. */
bool sb_bind_holds(const struct sb_bundle *bundle, const struct sb_bind_record *record);

/*
 * Adds a copy of `bind` with its source opened, the target's own path where `source` is NULL. A source that is not there
 * is left out. False where memory is short.
 */
bool sb_binds_add(struct sb_binds *binds, const char *source, const struct sb_bind *bind);

/* Adds those of the bundle. */
bool sb_binds_add_bundle(struct sb_binds *binds, const struct sb_bundle *bundle);

/*
 * Makes them, in a new root where they need one. `is_ours` says that new entries may be made anywhere in the root there
 * is, for no host would see them.
 */
enum sb_reason sb_binds_make(struct sb_binds *binds, bool is_ours, struct sb_failure *failure);

void sb_binds_close(struct sb_binds *binds);

/*
 * Makes symbolic links instead, for a root that is ours where we may not mount; only where nothing is.
 */
enum sb_reason sb_binds_link(const struct sb_bundle *bundle, struct sb_failure *failure);

/* Whether that can be done: nothing would have to be covered, and the directories to write to let us. */
enum sb_reason sb_binds_check_links(const struct sb_bundle *bundle, struct sb_failure *failure);

#endif
