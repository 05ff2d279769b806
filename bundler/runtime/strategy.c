#include "strategy.h"

#include <string.h>
#include <sys/stat.h>

#include "cache.h"
#include "message.h"
#include "surroundings.h"

static const struct sb_strategy *const strategies[SB_STRATEGY_COUNT] = {&sb_native, &sb_in_place, &sb_lazy,
                                                                         &sb_namespace, &sb_relocate};

static bool is_pinned_to_another(const struct sb_settings *settings, const struct sb_strategy *strategy) {
  return settings->strategy != NULL && strcmp(settings->strategy, strategy->name) != 0;
}

typedef enum sb_reason trial(const struct sb_start *start, const struct sb_strategy *strategy,
                             struct sb_failure *failure);

static enum sb_reason check(const struct sb_start *start, const struct sb_strategy *strategy,
                            struct sb_failure *failure) {
  enum sb_reason reason = sb_surroundings_check(start, strategy, failure);
  return reason == SB_OK ? strategy->check(start, failure) : reason;
}

static enum sb_reason guess(const struct sb_start *start, const struct sb_strategy *strategy,
                            struct sb_failure *failure) {
  enum sb_reason reason = check(start, strategy, failure);
  return reason == SB_OK && strategy->has_cache ? sb_cache_check(NULL, failure) : reason;
}

static enum sb_reason provide(const struct sb_start *start, const struct sb_strategy *strategy,
                              struct sb_failure *failure) {
  enum sb_reason reason = check(start, strategy, failure);
  if (reason == SB_OK) reason = strategy->provide(start, failure);
  return reason == SB_OK ? sb_surroundings_provide(start, strategy, failure) : reason;
}

static enum sb_reason try_each(const struct sb_start *start, trial *try, struct sb_attempts *attempts) {
  enum sb_reason reason = SB_STRATEGY_UNKNOWN;
  for (unsigned i = 0; i < SB_STRATEGY_COUNT; i++) {
    if (is_pinned_to_another(start->settings, strategies[i])) continue;
    struct sb_failure *failure = &attempts->failures[attempts->count];
    attempts->names[attempts->count++] = strategies[i]->name;
    reason = try(start, strategies[i], failure);
    if (reason == SB_OK) {
      attempts->taken = strategies[i];
      sb_message_debug(start, "taken", strategies[i]->name, NULL);
      return SB_OK;
    }
    sb_message_debug(start, "refused", strategies[i]->name, failure);
    if (!sb_reason_is_refusal(reason)) return reason;
  }
  if (attempts->count == 0) {
    attempts->count = 1;
    return sb_failure_set(&attempts->failures[0], reason, 0, start->settings->strategy, NULL);
  }
  return reason;
}

enum sb_reason sb_strategy_choose(const struct sb_start *start, struct sb_attempts *attempts) {
  /*
   * Modes are what we say, whatever the caller's umask: with 077 /nix/store would be closed to the user that nginx or
   * postgres, started as root, becomes.
   */
  mode_t umask_before = umask(0);
  enum sb_reason reason = try_each(start, provide, attempts);
  umask(umask_before);
  return reason;
}

enum sb_reason sb_strategy_guess(const struct sb_start *start, struct sb_attempts *attempts) {
  return try_each(start, guess, attempts);
}

void sb_attempts_clear(struct sb_attempts *attempts) {
  for (unsigned i = 0; i < attempts->count; i++) sb_failure_clear(&attempts->failures[i]);
  *attempts = (struct sb_attempts){0};
}
