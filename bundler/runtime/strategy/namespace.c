/*
 * namespace: the cache's store appears at /nix/store in a mount namespace of this process. Warm it costs a millisecond;
 * cold the closure is extracted to the cache first.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cache.h"
#include "../cleanup.h"
#include "../join.h"
#include "../mount.h"
#include "../namespace.h"
#include "../new-root.h"
#include "../privilege.h"
#include "../strategy.h"
#include "../surroundings.h"
#include "../text.h"

/* Whether a start before us, around us, put this very store at /nix/store. */
static bool is_joined(const struct sb_store *store) {
  struct stat ours, theirs;
  return stat(SB_STORE_PATH, &theirs) == 0 && fstat(store->trees, &ours) == 0 &&
         sb_is_same_directory(&ours, &theirs);
}

/* Opens the store again, as part of this mount namespace: the kernel binds no directory of another. */
static int reopen(const struct sb_store *store) {
  struct stat known, found;
  int trees = open(store->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (trees < 0) return -1;
  bool is_known = fstat(store->trees, &known) == 0 && fstat(trees, &found) == 0 && sb_is_same_directory(&known, &found);
  if (is_known) return trees;
  close(trees);
  errno = ESTALE;
  return -1;
}

/* Puts the store over a directory that is there already, so that the root can stay what it is. */
static bool join_in_place(const struct sb_bundle *bundle, int trees, int theirs) {
  if (!sb_is_empty(theirs)) return sb_join_over(bundle, trees, theirs);
  SB_AUTO_FREE char *from = sb_mount_descriptor_path(trees);
  return from != NULL && sb_mount_bind(from, SB_STORE_PATH);
}

static enum sb_reason join_store(const struct sb_store *store, const struct sb_bundle *bundle,
                                 struct sb_failure *failure) {
  SB_AUTO_CLOSE int trees = reopen(store);
  if (trees < 0) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, store->path, NULL);
  SB_AUTO_CLOSE int theirs = open(SB_STORE_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (theirs >= 0 && join_in_place(bundle, trees, theirs)) return SB_OK;
  enum sb_reason reason = sb_new_root_pivot(failure);
  if (reason == SB_OK) reason = sb_new_root_furnish(trees, failure);
  return reason == SB_OK ? sb_new_root_seal(failure) : reason;
}

static enum sb_reason check(const struct sb_start *start, struct sb_failure *failure) {
  (void)start;
  return sb_join_check(sb_privilege_can_mount(), sb_new_root_pivot, failure);
}

/*
 * Binds the app's own store path over itself: of a store that is mounted as a whole the table of mounts would not tell
 * which closure runs, and collection (gc.c) would not know what to keep.
 */
static void name_closure(const struct sb_bundle *bundle) {
  const char *own = sb_bundle_base(bundle, bundle->header->path_count - 1);
  SB_AUTO_FREE char *path = sb_text_format(SB_STORE_PATH "/%s", own);
  if (path != NULL) sb_mount_bind(path, path);
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  struct sb_store store;
  enum sb_reason reason = sb_cache_provide(&store, start, sb_cache_share, failure);
  if (reason != SB_OK) return reason;
  if (!is_joined(&store) || !sb_surroundings_hold(start->bundle)) {
    struct sb_working_directory directory = sb_working_directory_get();
    reason = sb_namespace_enter(sb_privilege_can_mount(), failure);
    if (reason == SB_OK) reason = join_store(&store, start->bundle, failure);
    if (reason == SB_OK) name_closure(start->bundle);
    sb_working_directory_return(&directory, reason == SB_OK);
  }
  sb_store_close(&store);
  return reason;
}

const struct sb_strategy sb_namespace = {.name = "namespace", .surroundings = SB_BY_MOUNTS, .has_cache = true, .check = check, .provide = provide};
