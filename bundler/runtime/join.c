#include "join.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "mount.h"
#include "privilege.h"
#include "text.h"

/* Binds cost about 40 µs each: beyond this many the overlay's own cost is the smaller. */
static const uint32_t bound_paths_max = 200;

enum sb_reason sb_join_check(bool privileged, sb_namespace_attempt *attempt, struct sb_failure *failure) {
  if (!privileged) {
    /* A user namespace that maps only root has nobody to drop to: nginx and postgres would not start. */
    if (geteuid() == 0) return sb_failure_set(failure, SB_NAMESPACE_ROOT, 0, "a user namespace", NULL);
    if (sb_privilege_is_ambient()) return sb_failure_set(failure, SB_NAMESPACE_AMBIENT, 0, "a user namespace", NULL);
  }
  /* Ids are mapped there, and mounts name the directories that we hold by it. */
  if (access("/proc/self/fd", F_OK) != 0) return sb_failure_set(failure, SB_PROC_ABSENT, errno, "/proc/self/fd", NULL);
  return sb_namespace_probe(privileged, attempt, failure);
}

bool sb_is_same_directory(const struct stat *one, const struct stat *other) {
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool sb_is_empty(int directory) {
  SB_AUTO_CLOSE int file = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = file < 0 ? NULL : fdopendir(file);
  if (stream == NULL) return false;
  file = -1;
  int entries = 0;
  while (entries <= 2 && readdir(stream) != NULL) entries++;
  closedir(stream);
  return entries <= 2;
}

/*
 * Binds each store path over its like in the overlay. An overlay is mounted in no time, but each file opened through it
 * costs more: Flask's 2,000 made a start 15 ms longer. What can't be bound is still there, by the overlay.
 */
static void bind_over(const struct sb_bundle *bundle, const char *trees) {
  if (bundle->header->path_count > bound_paths_max) return;
  for (uint32_t i = 0; i < bundle->header->path_count; i++) {
    SB_AUTO_FREE char *source = sb_text_format("%s/%s", trees, sb_bundle_base(bundle, i));
    SB_AUTO_FREE char *target = sb_text_format("%s/%s", SB_STORE_PATH, sb_bundle_base(bundle, i));
    if (source == NULL || target == NULL || !sb_mount_bind(source, target)) return;
  }
}

bool sb_join_over(const struct sb_bundle *bundle, int trees, int theirs) {
  SB_AUTO_FREE char *from = sb_mount_descriptor_path(trees);
  if (from == NULL || !sb_mount_overlay(trees, theirs, SB_STORE_PATH)) return false;
  bind_over(bundle, from);
  return true;
}

struct sb_working_directory sb_working_directory_get(void) {
  struct sb_working_directory directory = {0};
  if (stat(".", &directory.status) == 0) directory.path = getcwd(NULL, 0);
  return directory;
}

void sb_working_directory_return(struct sb_working_directory *directory, bool is_moved) {
  SB_AUTO_FREE char *path = directory->path;
  directory->path = NULL;
  struct stat found;
  if (!is_moved || path == NULL || stat(path, &found) != 0) return;
  bool is_in_store = strncmp(path, SB_STORE_PATH, sizeof SB_STORE_PATH - 1) == 0;
  if ((is_in_store || sb_is_same_directory(&directory->status, &found)) && chdir(path) != 0) return;
}
