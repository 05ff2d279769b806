#include "new-root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "mount.h"
#include "store.h"
#include "text.h"

/* Any directory will do to mount the new root on; it is free again after the pivot. */
static const char *const mount_points[] = {"/tmp", "/var/tmp", "/dev", "/proc", "/etc", "/usr"};

static const char *mount_tmpfs(void) {
  for (size_t i = 0; i < sizeof mount_points / sizeof *mount_points; i++) {
    if (mount("saddlebag", mount_points[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0) return mount_points[i];
    if (errno != ENOENT && errno != ENOTDIR) return NULL;
  }
  return NULL;
}

/*
 * What serves where the kernel refuses to pivot, for a root that is an initramfs or no mount at all: the old root is
 * bound into the new one, which is moved over it. Unlike after a plain chroot, user namespaces are still allowed.
 */
static bool move_over_root(const char *point, const char *old_root) {
  SB_AUTO_FREE char *covered = sb_text_format("%s%s", old_root, point);
  return covered != NULL && mount("/", old_root, NULL, MS_BIND | MS_REC, NULL) == 0 &&
         umount2(covered, MNT_DETACH) == 0 && chdir(point) == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 &&
         chroot(".") == 0;
}

enum sb_reason sb_new_root_pivot(struct sb_failure *failure) {
  const char *point = mount_tmpfs();
  if (point == NULL) return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "a new root", NULL);
  SB_AUTO_FREE char *old_root = sb_text_format("%s" SB_OLD_ROOT, point);
  if (old_root == NULL) return sb_failure_set(failure, SB_MEMORY_SHORT, 0, point, NULL);
  bool is_root = mkdir(old_root, 0700) == 0 && (syscall(SYS_pivot_root, point, old_root) == 0 ||
                                                (errno == EINVAL && move_over_root(point, old_root)));
  return is_root ? SB_OK : sb_failure_set(failure, SB_PIVOT_FAILED, errno, "a new root", NULL);
}

static unsigned char entry_type(int directory, const struct dirent *entry) {
  if (entry->d_type != DT_UNKNOWN) return entry->d_type;
  /* Some file systems don't tell. Not for mounts' sake: a server that is gone would keep us waiting. */
  struct stat status;
  int result = fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  return result != 0 ? DT_UNKNOWN : (unsigned char)IFTODT(status.st_mode);
}

static bool copy_symlink(int directory, const char *name, const char *to) {
  struct stat status;
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  size_t room = (size_t)status.st_size + 1;
  SB_AUTO_FREE char *target = malloc(room);
  ssize_t length = target == NULL ? -1 : readlinkat(directory, name, target, room);
  if (length < 0 || (size_t)length >= room) return false;
  target[length] = '\0';
  return symlink(target, to) == 0;
}

/* Makes one entry of a directory appear elsewhere. */
static void join_entry(int directory, const struct dirent *entry, const char *from, const char *to,
                       const struct sb_join_plan *plan) {
  enum sb_join decision = plan == NULL ? SB_JOIN_BIND : plan->decide(plan->context, to);
  if (decision == SB_JOIN_OMIT) return;
  unsigned char type = entry_type(directory, entry);
  if (type == DT_LNK) {
    copy_symlink(directory, entry->d_name, to);
    return;
  }
  if (type == DT_DIR) {
    mkdir(to, 0755);
    if (decision == SB_JOIN_ENTER) {
      sb_new_root_join(from, to, plan);
      return;
    }
  } else {
    int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (file >= 0) close(file);
  }
  mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

bool sb_new_root_join(const char *from, const char *to, const struct sb_join_plan *plan) {
  DIR *directory = opendir(from);
  if (directory == NULL) return false;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    SB_AUTO_FREE char *source = sb_text_format("%s/%s", from, entry->d_name);
    SB_AUTO_FREE char *target = sb_text_format("%s/%s", to, entry->d_name);
    struct stat status;
    if (source == NULL || target == NULL || lstat(target, &status) == 0) continue;
    join_entry(dirfd(directory), entry, source, target, plan);
  }
  closedir(directory);
  return true;
}

/* For a plan whose context is the path of the one entry that is left out. */
static enum sb_join omit(const void *path, const char *to) {
  return strcmp(path, to) == 0 ? SB_JOIN_OMIT : SB_JOIN_BIND;
}

/* /nix with all that the old root has there, and our store paths in /nix/store. */
static bool join_nix(int trees) {
  if (mkdir("/nix", 0755) != 0 || mkdir("/nix/store", SB_STORE_MODE) != 0) return false;
  sb_new_root_join(SB_OLD_ROOT "/nix", "/nix", &(struct sb_join_plan){.decide = omit, .context = "/nix/store"});
  SB_AUTO_FREE char *from = sb_mount_descriptor_path(trees);
  if (from == NULL) return false;
  if (access(SB_OLD_ROOT "/nix/store", F_OK) != 0) return sb_mount_bind(from, "/nix/store");
  /* Where the kernel would not overlay the two: 24 µs a store path. */
  return sb_new_root_join(from, "/nix/store", NULL) &&
         sb_new_root_join(SB_OLD_ROOT "/nix/store", "/nix/store", NULL);
}

enum sb_reason sb_new_root_furnish(int trees, struct sb_failure *failure) {
  if (!sb_new_root_join(SB_OLD_ROOT, "", &(struct sb_join_plan){.decide = omit, .context = "/nix"})) {
    return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "the old root's entries", NULL);
  }
  return join_nix(trees) ? SB_OK : sb_failure_set(failure, SB_MOUNT_FAILED, errno, "/nix/store", NULL);
}

enum sb_reason sb_new_root_release(struct sb_failure *failure) {
  if (umount2(SB_OLD_ROOT, MNT_DETACH) == 0 && rmdir(SB_OLD_ROOT) == 0) return SB_OK;
  return sb_failure_set(failure, SB_MOUNT_FAILED, errno, "the old root", NULL);
}

enum sb_reason sb_new_root_seal(struct sb_failure *failure) {
  enum sb_reason reason = sb_new_root_release(failure);
  if (reason != SB_OK) return reason;
  /* What is written here would vanish with the app: better that it is refused, as it mostly was in the old root. */
  mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
  return SB_OK;
}
