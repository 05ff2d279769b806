/*
 * namespace: the cache's store appears at /nix/store in a mount namespace of this process. Warm it costs a millisecond;
 * cold the closure is extracted to the cache first.
 */
#include "../namespace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cache.h"
#include "../cleanup.h"
#include "../mount.h"
#include "../new-root.h"
#include "../privilege.h"
#include "../strategy.h"
#include "../text.h"

static const char store_path[] = "/nix/store";

/* Binds cost about 40 µs each: beyond this many the overlay's own cost is the smaller. */
static const uint32_t bound_paths_max = 200;

static enum sb_reason check_privilege(bool privileged, struct sb_failure *failure) {
  if (privileged) return sb_namespace_probe(true, failure);
  /* A user namespace that maps only root has nobody to drop to: nginx and postgres would not start. */
  if (geteuid() == 0) return sb_failure_set(failure, SB_NAMESPACE_ROOT, 0, "a user namespace", NULL);
  if (sb_privilege_is_ambient()) return sb_failure_set(failure, SB_NAMESPACE_AMBIENT, 0, "a user namespace", NULL);
  return sb_namespace_probe(false, failure);
}

static bool is_same_directory(const struct stat *one, const struct stat *other) {
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Whether a start before us, around us, put this very store at /nix/store. */
static bool is_joined(const struct sb_store *store) {
  struct stat ours, theirs;
  return stat(store_path, &theirs) == 0 && fstat(store->trees, &ours) == 0 && is_same_directory(&ours, &theirs);
}

static bool is_empty(int directory) {
  SB_AUTO_CLOSE int file = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = file < 0 ? NULL : fdopendir(file);
  if (stream == NULL) return false;
  file = -1;
  int entries = 0;
  while (entries <= 2 && readdir(stream) != NULL) entries++;
  closedir(stream);
  return entries <= 2;
}

/* Opens the store again, as part of this mount namespace: the kernel binds no directory of another. */
static int reopen(const struct sb_store *store) {
  struct stat known, found;
  int trees = open(store->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (trees < 0) return -1;
  if (fstat(store->trees, &known) == 0 && fstat(trees, &found) == 0 && is_same_directory(&known, &found)) return trees;
  close(trees);
  errno = ESTALE;
  return -1;
}

/*
 * Binds each store path over its like in the overlay. An overlay is mounted in no time, but each file opened through it
 * costs more: Flask's 2,000 made a start 15 ms longer. What can't be bound is still there, by the overlay.
 */
static void bind_over(const struct sb_bundle *bundle, const char *trees) {
  if (bundle->header->path_count > bound_paths_max) return;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    SB_AUTO_FREE char *source = sb_text_format("%s/%s", trees, sb_bundle_base(bundle, i));
    SB_AUTO_FREE char *target = sb_text_format("%s/%s", store_path, sb_bundle_base(bundle, i));
    if (source == NULL || target == NULL || !sb_mount_bind(source, target)) return;
  }
}

/* Puts the store over a directory that is there already, so that the root can stay what it is. */
static bool join_in_place(const struct sb_bundle *bundle, int trees, int theirs) {
  SB_AUTO_FREE char *from = sb_mount_descriptor_path(trees);
  if (from == NULL) return false;
  if (is_empty(theirs)) return sb_mount_bind(from, store_path);
  if (!sb_mount_overlay(trees, theirs, store_path)) return false;
  bind_over(bundle, from);
  return true;
}

static enum sb_reason join_store(const struct sb_store *store, const struct sb_bundle *bundle,
                                 struct sb_failure *failure) {
  SB_AUTO_CLOSE int trees = reopen(store);
  if (trees < 0) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, store->path, NULL);
  SB_AUTO_CLOSE int theirs = open(store_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (theirs >= 0 && join_in_place(bundle, trees, theirs)) return SB_OK;
  enum sb_reason reason = sb_new_root_pivot(failure);
  return reason == SB_OK ? sb_new_root_furnish(trees, failure) : reason;
}

/*
 * Goes back to the working directory by its path, which is under the new mounts what it was under the old. One that was
 * deleted, or whose path leads elsewhere, is kept as it is: relative names go on working.
 */
static void return_to(const char *path, const struct stat *known) {
  struct stat found;
  if (path == NULL || stat(path, &found) != 0) return;
  bool is_in_store = strncmp(path, store_path, sizeof store_path - 1) == 0;
  if ((is_in_store || is_same_directory(known, &found)) && chdir(path) != 0) return;
}

static enum sb_reason provide(const struct sb_start *start, struct sb_failure *failure) {
  bool privileged = sb_privilege_can_mount();
  enum sb_reason reason = check_privilege(privileged, failure);
  struct sb_store store;
  if (reason == SB_OK) reason = sb_cache_provide(&store, start, failure);
  if (reason != SB_OK) return reason;
  if (!is_joined(&store)) {
    struct stat directory;
    SB_AUTO_FREE char *path = stat(".", &directory) == 0 ? getcwd(NULL, 0) : NULL;
    reason = sb_namespace_enter(privileged, failure);
    if (reason == SB_OK) reason = join_store(&store, start->bundle, failure);
    if (reason == SB_OK) return_to(path, &directory);
  }
  sb_store_close(&store);
  return reason;
}

const struct sb_strategy sb_namespace = {.name = "namespace", .provide = provide};
