#include "root.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"

/* Source: btrfs(5), the inode of each subvolume's top directory. */
enum { BTRFS_SUBVOLUME_INODE = 256 };

/* musl has the call and not this flag. Source: statx(2). */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

static bool type_is(const char *type, const char *name) {
  size_t length = strlen(name);
  return strncmp(type, name, length) == 0 && type[length] == ' ';
}

/* Reads one line of mountinfo; where it is about `/`, says in `is_private` what it is. */
static void read_mount(char *line, uint64_t root_inode, bool *is_private) {
  /* 36 35 98:0 /inside /mount/point rw,noatime shared:1 - ext4 /dev/sda rw */
  char *fields[5] = {0};
  for (size_t i = 0; i < 5 && line != NULL; i++) fields[i] = strsep(&line, " ");
  /* Optional fields, then a field of one dash. */
  char *field = line;
  while (line != NULL && strcmp(field, "-") != 0) field = strsep(&line, " ");
  if (line == NULL || strcmp(fields[4], "/") != 0) return;
  const char *type = line;
  /* A subvolume looks like a directory, but systems are installed into one. */
  bool is_subvolume = type_is(type, "btrfs") && root_inode == BTRFS_SUBVOLUME_INODE;
  *is_private = type_is(type, "overlay") || (strcmp(fields[3], "/") != 0 && !is_subvolume);
}

bool sb_mountinfo_root_is_private(char *mountinfo, uint64_t root_inode) {
  bool is_private = false;
  /* Of several mounts at `/` the last covers the others. */
  for (char *line; (line = strsep(&mountinfo, "\n")) != NULL;) read_mount(line, root_inode, &is_private);
  return is_private;
}

bool sb_root_is_directory(void) {
  struct statx status;
  return statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0;
}

bool sb_root_is_private(void) {
  /* Live and ostree systems boot from an overlay or a directory; so does a whole system in a container. */
  if (access("/run/systemd/system", F_OK) == 0 || access("/run/ostree-booted", F_OK) == 0) return false;
  if (sb_root_is_directory()) return true;
  struct stat status;
  SB_AUTO_FREE char *mountinfo = sb_file_read_text("/proc/self/mountinfo");
  return mountinfo != NULL && stat("/", &status) == 0 && sb_mountinfo_root_is_private(mountinfo, status.st_ino);
}
