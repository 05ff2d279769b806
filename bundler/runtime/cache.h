/*
 * Chooses where extracted store paths are kept. Places in order, the first that serves is taken:
 *
 *   $SADDLEBAG_CACHE_DIR              as it is
 *   $CACHE_DIRECTORY/saddlebag        of a systemd unit
 *   $NOMAD_TASK_DIR/.saddlebag        of a Nomad task, then $NOMAD_ALLOC_DIR/.saddlebag of its allocation
 *   $XDG_CACHE_HOME/saddlebag
 *   $HOME/.cache/saddlebag
 *   /var/tmp/saddlebag-<uid>          then /tmp/saddlebag-<uid>
 *
 * A place serves when its directory is ours and nobody else may write to it (it is made with mode 0700; a link, or what
 * another user made first, is refused), when files in it may be executed, and when it is not in memory that our control
 * group would not have for it. What can't hold the closure, for want of space or of permission, is passed over as well.
 */
#ifndef SB_CACHE_H
#define SB_CACHE_H

#include "store.h"
#include "strategy.h"

/*
 * Opens the store of the first place that holds the whole closure or can be made to. On success the caller closes it.
 * SB_PLACE_NONE names each place and why it did not serve.
 */
enum sb_reason sb_cache_provide(struct sb_store *store, const struct sb_start *start, struct sb_failure *failure);

/*
 * Returns how many bytes of the closure would have to be extracted to the first place that is there and serves. Nothing is
 * made for the question.
 */
uint64_t sb_cache_count_missing(const struct sb_start *start);

#endif
