/* Paths below a directory descriptor, of any length, and the removal of whole trees. */
#ifndef SB_TREE_H
#define SB_TREE_H

#include <stdbool.h>

/* Where a path's last component lies: to be used with *at() calls, and closed. */
struct sb_spot {
  int directory;
  const char *name;
  bool owned; /* whether `directory` is ours to close */
};

/*
 * Finds the spot of `path` below `root`. The kernel takes paths up to PATH_MAX at a time; of a longer one the leading
 * directories are opened piece by piece, never through a symbolic link. `path` is written to and put back. False with
 * errno set.
 */
bool sb_spot_find(struct sb_spot *spot, int root, char *path);

void sb_spot_close(const struct sb_spot *spot);

/*
 * Removes everything in the directory `top`, read-only directories too; false with errno of the first thing that could
 * not be removed. Deep trees take no more descriptors or stack than flat ones.
 */
bool sb_tree_empty(int top);

/* Makes a directory, or opens the one that is there, never through a symbolic link; -1 with errno set. */
int sb_directory_make(int parent, const char *name, unsigned mode);

/*
 * Renames to a name that must be free; false with errno set (EEXIST). Some file systems can't promise that in one step
 * (old overlayfs, NFS); there it is looked up first, and callers hold a lock.
 */
bool sb_rename_new(int from_directory, const char *from, int to_directory, const char *to);

#endif
