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

/* What becomes of an entry of a directory that is joined to another. */
enum sb_join {
  SB_JOIN_BIND,  /* appears as it is: bound, or a symbolic link made again */
  SB_JOIN_OMIT,
  SB_JOIN_ENTER, /* a directory: made anew, and its entries joined in turn, so that others can come beside them */
};

/* Decides on the entry that would appear at `to`. */
struct sb_join_plan {
  enum sb_join (*decide)(const void *context, const char *to);
  const void *context;
};

/*
 * Makes the entries of the directory `from` appear in `to`, empty for the root; `plan` may be NULL. An entry that is
 * there already stays: the first who brings a name wins. What can't be bound stays behind as an empty place. False where
 * `from` can't be read.
 */
bool sb_new_root_join(const char *from, const char *to, const struct sb_join_plan *plan);

/*
 * Furnishes the new root, and joins the store paths of the directory `trees` to what /nix/store held. `trees` is a
 * descriptor that was opened in this mount namespace.
 */
enum sb_reason sb_new_root_furnish(int trees, struct sb_failure *failure);

/* Lets go of the old root. */
enum sb_reason sb_new_root_release(struct sb_failure *failure);

/* Lets go of the old root, and of writing in the new one. */
enum sb_reason sb_new_root_seal(struct sb_failure *failure);

#endif
