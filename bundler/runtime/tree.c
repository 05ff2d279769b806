#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

enum { DIRECTORY_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

bool sb_spot_find(struct sb_spot *spot, int root, char *path) {
  *spot = (struct sb_spot){.directory = root, .name = path};
  while (strlen(spot->name) >= PATH_MAX) {
    char *piece = path + (spot->name - path);
    char *slash = memrchr(piece, '/', PATH_MAX - 1);
    if (slash == NULL) {
      sb_spot_close(spot);
      errno = ENAMETOOLONG;
      return false;
    }
    *slash = '\0';
    int directory = openat(spot->directory, piece, O_PATH | DIRECTORY_FLAGS);
    *slash = '/';
    sb_spot_close(spot);
    if (directory < 0) return false;
    *spot = (struct sb_spot){.directory = directory, .name = slash + 1, .owned = true};
  }
  return true;
}

void sb_spot_close(const struct sb_spot *spot) {
  int error = errno;
  if (spot->owned) close(spot->directory);
  errno = error;
}

/* Opens a directory to read its entries; NULL with errno set. */
static DIR *open_entries(int directory, const char *name) {
  int file = openat(directory, name, O_RDONLY | DIRECTORY_FLAGS);
  DIR *entries = file < 0 ? NULL : fdopendir(file);
  if (entries == NULL && file >= 0) close(file);
  return entries;
}

/*
 * Empties one directory that lies in `top`. What is not empty itself moves up to `top` under a name of its own, where
 * the caller's loop meets it: so nothing here goes deeper than one level.
 */
static bool flatten(int top, const char *name, unsigned *moved) {
  /* Without write permission for us nothing in it could be removed, nor could it be moved. */
  if (fchmodat(top, name, 0700, 0) != 0) return false;
  DIR *directory = open_entries(top, name);
  if (directory == NULL) return false;
  int file = dirfd(directory);
  bool done = true;
  for (struct dirent *entry; done && (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (unlinkat(file, entry->d_name, 0) == 0 || unlinkat(file, entry->d_name, AT_REMOVEDIR) == 0) continue;
    char upper[32];
    do {
      sb_text_write(upper, sizeof upper, ".gone-%u", (*moved)++);
      done = fchmodat(file, entry->d_name, 0700, 0) == 0 &&
             sb_rename_new(file, entry->d_name, top, upper);
    } while (!done && errno == EEXIST);
  }
  int error = errno;
  closedir(directory);
  errno = error;
  return done && unlinkat(top, name, AT_REMOVEDIR) == 0;
}

/* One pass over `top`; `found` says whether there was anything, so that what moved up meanwhile is met in the next. */
static bool empty_once(int top, unsigned *moved, bool *found) {
  DIR *directory = open_entries(top, ".");
  if (directory == NULL) return false;
  bool done = true;
  *found = false;
  for (struct dirent *entry; done && (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    *found = true;
    if (unlinkat(top, entry->d_name, 0) != 0) done = flatten(top, entry->d_name, moved);
  }
  int error = errno;
  closedir(directory);
  errno = error;
  return done;
}

bool sb_tree_empty(int top) {
  unsigned moved = 0;
  bool found = true;
  while (found) {
    if (!empty_once(top, &moved, &found)) return false;
  }
  return true;
}

int sb_directory_make(int parent, const char *name, unsigned mode) {
  if (mkdirat(parent, name, mode) != 0 && errno != EEXIST) return -1;
  return openat(parent, name, O_RDONLY | DIRECTORY_FLAGS);
}

bool sb_rename_new(int from_directory, const char *from, int to_directory, const char *to) {
  /* musl has no function for it. */
  if (syscall(SYS_renameat2, from_directory, from, to_directory, to, RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  struct stat status;
  if (fstatat(to_directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return false;
  }
  return renameat(from_directory, from, to_directory, to) == 0;
}
