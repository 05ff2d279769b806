/* What an app finds around its closure: the root that an image brings, and binds. Most bundles have neither. */
#ifndef SB_SURROUNDINGS_H
#define SB_SURROUNDINGS_H

#include "strategy.h"

/*
 * Whether a strategy can provide them, before it does anything: mounts can't be replaced, but where nothing is in the way
 * of a bind and the root is ours a link does.
 */
enum sb_reason sb_surroundings_check(const struct sb_start *start, const struct sb_strategy *strategy,
                                     struct sb_failure *failure);

/* Whether all is there as it is. */
bool sb_surroundings_hold(const struct sb_bundle *bundle);

/* Provides them, once the strategy has put the closure at /nix/store. The working directory stays, by its path. */
enum sb_reason sb_surroundings_provide(const struct sb_start *start, const struct sb_strategy *strategy,
                                       struct sb_failure *failure);

#endif
