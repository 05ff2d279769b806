/* Mounts whose source is a descriptor: what was checked is what is mounted, whoever renames its path meanwhile. */
#ifndef SB_MOUNT_H
#define SB_MOUNT_H

#include <stdbool.h>

/* Returns /proc/self/fd/<n> in heap memory; NULL where memory is short. */
char *sb_mount_descriptor_path(int directory);

/* Binds a file or directory, with what is mounted in it, read-only where the kernel lets us; false with errno set. */
bool sb_mount_bind(const char *source, const char *target);

/* Mounts two directories as one at `target`; `upper` wins. False with errno set. */
bool sb_mount_overlay(int upper, int lower, const char *target);

/*
 * Mounts at `target` what a server answers for by `device`, an open /dev/fuse, for every user of this user namespace.
 * Nothing is asked of the server yet. False with errno set.
 */
bool sb_mount_fuse(int device, const char *target);

#endif
