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

/* Opens a store in the directory of a place, which has the path `path`, and makes it hold the closure. */
typedef enum sb_reason sb_cache_use(struct sb_store *store, const struct sb_start *start, int directory,
                                    const char *path, struct sb_failure *failure);

/* The use that shares store paths with other bundles. */
sb_cache_use sb_cache_share;

/*
 * Opens the store of the first place that holds the whole closure or can be made to. On success the caller closes it.
 * SB_PLACE_NONE names each place and why it did not serve.
 */
enum sb_reason sb_cache_provide(struct sb_store *store, const struct sb_start *start, sb_cache_use *use,
                                struct sb_failure *failure);

/* For a use: makes or opens the store below the directory `control`, which is taken over and may be -1 with errno; `place` is its path. */
enum sb_reason sb_cache_open_store(struct sb_store *store, int control, const char *place,
                                   struct sb_failure *failure);

/* For a use: makes an open store hold the closure; closes it where it can't. */
enum sb_reason sb_cache_settle(struct sb_store *store, const struct sb_start *start, struct sb_failure *failure);

/*
 * Whether a place would serve, as far as can be told without making one: SB_PLACE_NONE as above. `chosen` gets its path,
 * for the caller to free, and may be NULL.
 */
enum sb_reason sb_cache_check(char **chosen, struct sb_failure *failure);

/* Is given a place that is there and serves; true ends the visit. */
typedef bool sb_cache_visitor(void *context, int directory, const char *path);

/* Visits the places that are there and serve, in order; whether one of the visits said to end. */
bool sb_cache_visit(sb_cache_visitor *visit, void *context);

/*
 * Returns how many bytes of the closure would have to be extracted to the first place that is there and serves. Nothing is
 * made for the question.
 */
uint64_t sb_cache_count_missing(const struct sb_start *start);

#endif
