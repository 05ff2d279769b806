#include "image-root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "mount.h"
#include "new-root.h"
#include "settings.h"
#include "text.h"

/* Where the overlay is mounted and what it needs, in a tmpfs that nothing else is in. */
#define OVERLAY "/overlay"
#define UPPER "/upper"
#define WORK "/work"

bool sb_image_root_add_host(struct sb_binds *binds, const char *directory) {
  static const char *const paths[] = {
      "/dev",       "/proc",         "/sys",       "/tmp", "/etc/resolv.conf",
      "/etc/hosts", "/etc/hostname", "/nix/store",
  };
  /* /alloc, /local and /secrets, or where they are without a root of the task's own. */
  static const char *const variables[] = {"NOMAD_ALLOC_DIR", "NOMAD_TASK_DIR", "NOMAD_SECRETS_DIR"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    if (!sb_binds_add(binds, NULL, &(struct sb_bind){.target = paths[i], .always = true, .is_optional = true})) {
      return false;
    }
  }
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
    const char *path = sb_settings_variable(variables[i]);
    if (path == NULL || *path != '/') continue;
    if (!sb_binds_add(binds, NULL, &(struct sb_bind){.target = path, .always = true, .is_optional = true})) return false;
  }
  return directory == NULL ||
         sb_binds_add(binds, ".", &(struct sb_bind){.target = directory, .fills_empty = true, .is_optional = true});
}

/* Mounts the tree under a layer of memory; false with errno set. */
static bool mount_overlay(int tree) {
  if (mkdir(UPPER, 0755) != 0 || mkdir(WORK, 0755) != 0 || mkdir(OVERLAY, 0755) != 0) return false;
  /* In a user namespace only user.* attributes can say what was removed; before 5.11 the kernel does not know the option. */
  static const char *const extra[] = {",userxattr", ""};
  for (size_t i = 0; i < sizeof extra / sizeof *extra; i++) {
    SB_AUTO_FREE char *options = sb_text_format("lowerdir=" SB_OLD_ROOT "/proc/self/fd/%d,upperdir=" UPPER
                                                ",workdir=" WORK "%s", tree, extra[i]);
    if (options != NULL && mount("saddlebag", OVERLAY, "overlay", 0, options) == 0) return true;
  }
  return false;
}

/* /proc comes first: by it descriptors are named. Later it would be another entry of the host's. */
static bool bind_proc(const char *to) {
  return (mkdir(to, 0755) == 0 || errno == EEXIST) && mount(SB_OLD_ROOT "/proc", to, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static enum sb_reason pivot_into_overlay(struct sb_failure *failure) {
  if (!bind_proc(OVERLAY "/proc")) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "/proc", NULL);
  if (mkdir(OVERLAY SB_OLD_ROOT, 0700) != 0 || syscall(SYS_pivot_root, OVERLAY, OVERLAY SB_OLD_ROOT) != 0) {
    return sb_failure_set(failure, SB_PIVOT_FAILED, errno, "the image's root", NULL);
  }
  return SB_OK;
}

static enum sb_join omit_proc(const void *context, const char *to) {
  (void)context;
  return strcmp(to, "/proc") == 0 ? SB_JOIN_OMIT : SB_JOIN_BIND;
}

/* Joins the tree's entries to the new root: read-only, as what is mounted at /nix/store is. */
static enum sb_reason join_tree(int tree, struct sb_failure *failure) {
  if (!bind_proc("/proc")) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "/proc", NULL);
  SB_AUTO_FREE char *from = sb_mount_descriptor_path(tree);
  rmdir(OVERLAY);
  if (from != NULL && sb_new_root_join(from, "", &(struct sb_join_plan){.decide = omit_proc})) return SB_OK;
  return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "the image's root", NULL);
}

enum sb_reason sb_image_root_enter(const char *base, bool *is_ours, struct sb_failure *failure) {
  SB_AUTO_FREE char *path = sb_text_format("/nix/store/%s", base);
  SB_AUTO_CLOSE int tree = path == NULL ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (tree < 0) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, base, NULL);
  enum sb_reason reason = sb_new_root_pivot(failure);
  if (reason != SB_OK) return reason;
  *is_ours = mount_overlay(tree);
  return *is_ours ? pivot_into_overlay(failure) : join_tree(tree, failure);
}
