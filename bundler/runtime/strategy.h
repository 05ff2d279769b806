/*
 * The ways to make the closure's store paths appear at /nix/store, in the order in which they are tried. Each does the
 * real system calls and, where they are refused, leaves the process as it was. Another way is another file in strategy/
 * and another row of the table in strategy.c.
 */
#ifndef SB_STRATEGY_H
#define SB_STRATEGY_H

#include "bundle.h"
#include "settings.h"

/* What a start knows; borrowed by the strategies. */
struct sb_start {
  const char *program; /* what the user called us, for messages */
  const struct sb_bundle *bundle;
  const struct sb_settings *settings;
};

/* How a strategy lets surroundings (surroundings.h) be provided. */
enum sb_way {
  SB_BY_NOTHING, /* all has to be there */
  SB_BY_LINKS,
  SB_BY_MOUNTS, /* the process has a mount namespace of its own once the closure is provided, where one is needed */
};

struct sb_strategy {
  const char *name;
  enum sb_way surroundings;
  bool has_cache; /* whether it needs a place of cache.h */
  /* What would refuse it, as far as can be told without leaving anything behind. */
  enum sb_reason (*check)(const struct sb_start *start, struct sb_failure *failure);
  /*
   * After the check. SB_OK: the store paths are at /nix/store for this process, or where the bundle's strings say from now on. A refusal
   * (`sb_reason_is_refusal`): the next may serve. Anything else: none would.
   */
  enum sb_reason (*provide)(const struct sb_start *start, struct sb_failure *failure);
};

extern const struct sb_strategy sb_native;
extern const struct sb_strategy sb_in_place;
extern const struct sb_strategy sb_lazy;
extern const struct sb_strategy sb_namespace;
extern const struct sb_strategy sb_relocate;

enum { SB_STRATEGY_COUNT = 5 };

/* What became of each strategy; clear it with `sb_attempts_clear`. */
struct sb_attempts {
  const struct sb_strategy *taken; /* NULL: none */
  struct sb_failure failures[SB_STRATEGY_COUNT];
  const char *names[SB_STRATEGY_COUNT];
  unsigned count;
};

/* Tries the strategies, or the one that the settings pin. Returns SB_OK, or the last reason; `attempts` has the rest. */
enum sb_reason sb_strategy_choose(const struct sb_start *start, struct sb_attempts *attempts);

/* The same without doing anything: which one would be taken, as far as can be told. */
enum sb_reason sb_strategy_guess(const struct sb_start *start, struct sb_attempts *attempts);

void sb_attempts_clear(struct sb_attempts *attempts);

#endif
