/* gc: the arguments of a collection, and what is told of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache.h"
#include "cleanup.h"
#include "collection.h"
#include "options.h"

/* Reads a number with one of the units, `letters` with their `factors`; false for anything else. */
static bool read_amount(const char *text, const char *letters, const uint64_t *factors, uint64_t *amount) {
  const char *end = text == NULL ? NULL : sb_text_number(text, amount);
  const char *letter = end == NULL || *end == '\0' ? NULL : strchr(letters, *end);
  if (end == NULL || (*end != '\0' && (letter == NULL || end[1] != '\0'))) return false;
  uint64_t factor = letter == NULL ? 1 : factors[letter - letters];
  if (*amount > INT64_MAX / factor) return false;
  *amount *= factor;
  return true;
}

static bool read_arguments(struct sb_collection *collection, char **arguments) {
  static const uint64_t seconds[] = {1, 60, 60 * 60, 24 * 60 * 60}, bytes[] = {1000, 1000000, 1000000000, 1000000000000};
  uint64_t age = 0;
  bool has_age = false, has_quota = false;
  for (; *arguments != NULL; arguments++) {
    if (strcmp(*arguments, "--dry-run") == 0) {
      collection->is_dry = true;
    } else if (strcmp(*arguments, "--age") == 0) {
      if (!read_amount(*++arguments, "smhd", seconds, &age)) return false;
      has_age = true;
    } else if (strcmp(*arguments, "--quota") == 0) {
      if (!read_amount(*++arguments, "kMGT", bytes, &collection->quota)) return false;
      has_quota = true;
    } else {
      return false;
    }
  }
  collection->age = has_age ? (int64_t)age : has_quota ? INT64_MAX : 30 * SB_DAY;
  /* A use is noted once a day: below two days a start could be under way. */
  collection->quota_age = has_age && (int64_t)age < 2 * SB_DAY ? (int64_t)age : 2 * SB_DAY;
  if (!has_quota) collection->quota = UINT64_MAX;
  return true;
}

enum sb_reason sb_gc_run(const struct sb_request *request, struct sb_failure *failure) {
  struct sb_collection collection = {.now = time(NULL), .failure = failure};
  if (!read_arguments(&collection, request->arguments)) {
    return sb_failure_set(failure, SB_OPTION_MISUSED, 0, "--saddlebag-gc", "[--age 30d] [--quota 5G] [--dry-run]");
  }
  sb_cache_visit(sb_collect, &collection);
  SB_AUTO_FREE struct sb_text report = collection.report;
  sb_text_add(&report, "%s %llu bytes\n", collection.is_dry ? "would free" : "freed", (unsigned long long)collection.freed);
  /* What went is told even where something failed then. */
  struct sb_failure unwritten = {0};
  enum sb_reason printed = sb_options_print(report.data, report.bytes, collection.reason == SB_OK ? failure : &unwritten);
  sb_failure_clear(&unwritten);
  return collection.reason == SB_OK ? printed : collection.reason;
}
