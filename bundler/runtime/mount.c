#include "mount.h"

#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

char *sb_mount_descriptor_path(int directory) {
  return sb_text_format("/proc/self/fd/%d", directory);
}

/* In a user namespace a remount has to repeat the flags of the mount that was bound: they are locked. */
static unsigned long locked_flags(const char *path) {
  struct statvfs status;
  if (statvfs(path, &status) != 0) return 0;
  unsigned long flags = 0;
  if ((status.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((status.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((status.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((status.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((status.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((status.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

bool sb_mount_bind(const char *source, const char *target) {
  if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) != 0) return false;
  /* So that an app can't change its own closure by mistake; one that must could still be started without this. */
  mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags(target), NULL);
  return true;
}

bool sb_mount_overlay(int upper, int lower, const char *target) {
  /* Without an upper directory the kernel's own term is "lower", for both. */
  SB_AUTO_FREE char *options = sb_text_format("lowerdir=/proc/self/fd/%d:/proc/self/fd/%d", upper, lower);
  return options != NULL && mount("saddlebag", target, "overlay", MS_RDONLY, options) == 0;
}

bool sb_mount_fuse(int device, const char *target) {
  char options[120];
  /*
   * The root's mode is SB_STORE_MODE, in octal: an overlay asks for no other. Without default_permissions the kernel would
   * ask about each access, without allow_other nobody got in whom the app becomes.
   */
  sb_text_write(options, sizeof options, "fd=%d,rootmode=41755,user_id=%u,group_id=%u,default_permissions,allow_other",
                device, (unsigned)geteuid(), (unsigned)getegid());
  return mount("saddlebag", target, "fuse", MS_RDONLY | MS_NOSUID | MS_NODEV, options) == 0;
}
