/*
 * A root directory that looks like the old one and has a /nix/store besides. It is a small tmpfs in which every entry of
 * the old root is bound (directories with all that is mounted in them) or, for a symbolic link, made again.
 *
 * pivot_root, not chroot: in a chroot the kernel refuses user namespaces, which Chromium's sandbox and bubblewrap need.
 * We pivot first and bind from the old root then, so that the tmpfs, mounted where some directory was, hides nothing.
 */
#ifndef SB_NEW_ROOT_H
#define SB_NEW_ROOT_H

#include "failure.h"

/* Makes an empty tmpfs the root; the old one lies at SB_OLD_ROOT. For a process in a mount namespace of its own. */
#define SB_OLD_ROOT "/.saddlebag-old-root"
enum sb_reason sb_new_root_pivot(struct sb_failure *failure);

/*
 * Furnishes the new root, and joins the store paths of the directory `trees` to what /nix/store held. `trees` is a
 * descriptor that was opened in this mount namespace.
 */
enum sb_reason sb_new_root_furnish(int trees, struct sb_failure *failure);

/* Lets go of the old root, and of writing in the new one. */
enum sb_reason sb_new_root_seal(struct sb_failure *failure);

#endif
