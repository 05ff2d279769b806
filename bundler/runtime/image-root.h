/*
 * A root directory that is the tree of a store path: the root of an image. What of the host an app can't do without
 * appears in it, and what it writes goes to memory and vanishes with it.
 */
#ifndef SB_IMAGE_ROOT_H
#define SB_IMAGE_ROOT_H

#include "bind.h"

/*
 * Adds to `binds` what the image gets from the host: /dev, /proc, /sys, /tmp, name resolution, the directories of a Nomad
 * task, /nix/store, and `directory`, the caller's, where the image has nothing at its path. False where memory is short.
 */
bool sb_image_root_add_host(struct sb_binds *binds, const char *directory);

/*
 * Makes the store path named `base`, which is at /nix/store, the root of this process, in its own mount namespace; the
 * old root then lies at SB_OLD_ROOT.
 * `is_ours` becomes false where the kernel has no overlays for us (before Linux 5.11 as an ordinary user): the root can't
 * be written to then.
 */
enum sb_reason sb_image_root_enter(const char *base, bool *is_ours, struct sb_failure *failure);

#endif
