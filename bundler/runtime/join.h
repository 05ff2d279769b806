/* How trees of store paths come to /nix/store in a mount namespace of our own: what the namespace strategies share. */
#ifndef SB_JOIN_H
#define SB_JOIN_H

#include <sys/stat.h>

#include "bundle.h"
#include "namespace.h"

#define SB_STORE_PATH "/nix/store"

/*
 * Whether this process may have a mount namespace and do in it what `attempt` does, which a child of it tries.
 */
enum sb_reason sb_join_check(bool privileged, sb_namespace_attempt *attempt, struct sb_failure *failure);

/* Whether both are the same directory of the same file system. */
bool sb_is_same_directory(const struct stat *one, const struct stat *other);

/* Whether an open directory holds nothing; it may be open by O_PATH. */
bool sb_is_empty(int directory);

/*
 * Puts `trees` over `theirs`, what /nix/store holds already, so that the root can stay what it is; both open by O_PATH in
 * this mount namespace. False with errno set.
 */
bool sb_join_over(const struct sb_bundle *bundle, int trees, int theirs);

/* The working directory before the mounts. */
struct sb_working_directory {
  char *path; /* owned; NULL where it has none */
  struct stat status;
};

struct sb_working_directory sb_working_directory_get(void);

/*
 * Frees it and, where mounts were made (`is_moved`), goes back to it by its path, which is under the new mounts what it was
 * under the old. One that was deleted, or whose path leads elsewhere, is kept as it is: relative names go on working.
 */
void sb_working_directory_return(struct sb_working_directory *directory, bool is_moved);

#endif
