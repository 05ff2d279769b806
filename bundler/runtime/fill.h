/* Puts a closure into a store: of several processes one extracts, the others wait for it and find it done. */
#ifndef SB_FILL_H
#define SB_FILL_H

#include "store.h"
#include "strategy.h"

/*
 * Makes `store` hold the whole closure. A signal that comes while another process extracts ends this one at once, with
 * 128 + n; one that comes while this one extracts is returned as SB_INTERRUPTED. Nothing is left behind on failure, and
 * what a kill -9 leaves is cleared by the next who gets here. `extracted` becomes the number of store paths that this
 * process extracted: 0 where another one did it meanwhile.
 */
enum sb_reason sb_store_fill(const struct sb_store *store, const struct sb_start *start, size_t *extracted,
                             struct sb_failure *failure);

/*
 * Waits for the lock of a control directory and returns a descriptor that holds it until it is closed; -1 with errno set.
 * Where a file system has no locks (ENOLCK, EOPNOTSUPP) the place is refused and the next one taken: clearing what others
 * left needs to know that they are gone. With a start, SADDLEBAG_DEBUG is told that it waits.
 */
int sb_store_lock(int control, const struct sb_start *start);

/* Makes or opens .saddlebag-tmp of a control directory, for who holds the lock; -1 with errno set. */
int sb_store_open_temporary(int control);

#endif
