/* Whether the root directory is this app's own: a container's or a task's, and no machine's. */
#ifndef SB_ROOT_H
#define SB_ROOT_H

#include <stdbool.h>
#include <stdint.h>

/* In /nix, where a start made it in a private root (the strategy in-place); nobody else has such a directory. */
#define SB_ROOT_CONTROL "/nix/.saddlebag"

/*
 * True where we were chrooted into a directory that is no mount of its own. Nobody's machine runs from such a root, and
 * no mount namespace can be furnished from it: pivot_root(2) and changes of propagation take a mount. Asked of the
 * kernel; false where it can't tell (before 5.8).
 */
bool sb_root_is_directory(void);

/*
 * True for such a root, and where the kernel's own table of mounts shows `/` as an overlay or as a directory inside its file system, and
 * nothing says that a whole system was booted from it. Only the kernel permits; files may veto, and variables that a
 * bare machine can carry as well are not asked.
 */
bool sb_root_is_private(void);

/* The same question to the text of a mountinfo file (proc(5)), without the vetoes; `root_inode` is that of `/`. Writes to the text. */
bool sb_mountinfo_root_is_private(char *mountinfo, uint64_t root_inode);

#endif
