/*
 * A store of our own: extracted store paths beside what is known of them. The cache is one, and /nix of a private root
 * becomes one.
 *
 *   trees            <hash>-<name>: the store paths
 *   meta             <hash>-<name>: a symbolic link whose target is the marker: content digest, boot id, whether synced;
 *                    its own time is the last use. .<hash>-<name>: the store paths of the closure that has this as its own
 *   .saddlebag-tmp   the extraction under way; the only directory that is ever emptied
 *   lock             held (flock) by who extracts
 *
 * A store path is trusted by name and content digest: it is there, and so is a marker that says the same digest and
 * either this boot or "synced". A marker is a symbolic link because symlink(2) makes name and content in one step: no
 * moment of a crash leaves half a marker. A tree comes by rename, its marker after it; after a power loss the boot
 * differs, so data that never reached the disk is not trusted.
 */
#ifndef SB_STORE_H
#define SB_STORE_H

#include <stddef.h>

#include "bundle.h"
#include "marker.h"
#include "relocation.h"
#include "settings.h"

/*
 * The mode of a directory of trees that is shown at /nix/store. The sticky bit changes nothing for what only its owner may
 * write to, and Nix gives its own store 1775 or 0755: so a bundle knows whose store it finds there.
 */
enum { SB_STORE_MODE = 01755 };

struct sb_store {
  int control; /* the directory of meta, .saddlebag-tmp and lock; owned */
  int trees;   /* owned */
  int meta;    /* owned */
  char *path;  /* of the trees, absolute; owned */
  char boot_id[SB_BOOT_ID_BYTES];
  struct sb_relocation relocation; /* what becomes of contents in it; all zero: nothing; owned */
};

/*
 * Makes or opens a store in two directories that are ours already, and takes over both descriptors, also on failure.
 * `path` is that of the trees.
 */
enum sb_reason sb_store_open(struct sb_store *store, int control, int trees, const char *path,
                             struct sb_failure *failure);

void sb_store_close(struct sb_store *store);

/*
 * Whether the store holds the whole closure: two system calls a store path. SB_STORE_CONFLICT where one is there under
 * the same name with other bytes, SB_PATH_MISSING where one is absent or not to be trusted.
 */
enum sb_reason sb_store_check(const struct sb_store *store, const struct sb_bundle *bundle,
                              struct sb_failure *failure);

/*
 * Notes on the markers that the closure is used, at most once a day, for collection to see (gc.c). False where a marker
 * went away since the check.
 */
bool sb_store_note_use(const struct sb_store *store, const struct sb_bundle *bundle);

/* Notes it now. */
bool sb_store_touch(const struct sb_store *store, const struct sb_bundle *bundle);

/* The same for one store path. */
enum sb_reason sb_store_check_path(const struct sb_store *store, const struct sb_bundle *bundle, uint32_t path);

#endif
