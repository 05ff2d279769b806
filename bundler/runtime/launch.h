/*
 * Turns this process into the app: same PID, same parent, same descriptors. argv[0] stays as the user gave it, the
 * bundle's own arguments come before the user's.
 */
#ifndef SB_LAUNCH_H
#define SB_LAUNCH_H

#include "strategy.h"

/*
 * Returns the entrypoint that the user means: the one whose name is the base name of argv[0], else the first, and the first
 * in any case where rights are borrowed (privilege.h). `called` may be NULL.
 */
const struct sb_entrypoint *sb_launch_entrypoint(const struct sb_bundle *bundle, const char *called);

/* Executes it; returns only on failure. `argv` and `inherited` end with NULL. */
enum sb_reason sb_launch(const struct sb_start *start, char *const *argv, char *const *inherited,
                         struct sb_failure *failure);

/*
 * Executes another program instead, in the same surroundings: `argv[0]` is the name of an entrypoint, that of a program
 * in the directory bin of a store path, the app's own first, or a path below a store path. All those directories come
 * last on its PATH.
 */
enum sb_reason sb_launch_other(const struct sb_start *start, char *const *argv, char *const *inherited,
                               struct sb_failure *failure);

#endif
