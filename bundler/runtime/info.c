/*
 * info: what the bundle is, and which strategy it would take here, as one JSON object. Nothing is extracted, and nothing
 * left behind.
 */
#include <stdlib.h>

#include "cache.h"
#include "cleanup.h"
#include "launch.h"
#include "message.h"
#include "options.h"
#include "sha256.h"
#include "text.h"

/* UTF-8 passes as it is; the two characters of JSON's own and what doesn't print are escaped. */
static void add_string(struct sb_text *json, const char *key, const char *text) {
  static const char digits[] = "0123456789abcdef";
  char last = json->bytes == 0 ? '{' : json->data[json->bytes - 1];
  sb_text_add(json, "%s\"%s\":\"", last == '{' ? "" : ",", key);
  for (const char *at = text; *at != '\0'; at++) {
    unsigned char character = (unsigned char)*at;
    if (character < 0x20) {
      sb_text_add(json, "\\u00%c%c", digits[character >> 4], digits[character & 15]);
    } else {
      sb_text_add(json, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
    }
  }
  sb_text_add(json, "\"");
}

/* Adds the strategies up to the one that would be taken, each that would not with its reason and errno. */
static void add_strategies(struct sb_text *json, const struct sb_start *start) {
  struct sb_attempts attempts = {0};
  sb_strategy_guess(start, &attempts);
  if (attempts.taken != NULL) add_string(json, "strategy", attempts.taken->name);
  sb_text_add(json, ",\"refusals\":[");
  for (unsigned i = 0; i < attempts.count && attempts.failures[i].reason != SB_OK; i++) {
    const struct sb_failure *failure = &attempts.failures[i];
    SB_AUTO_FREE char *reason = sb_message_describe(failure);
    sb_text_add(json, "%s{", i == 0 ? "" : ",");
    add_string(json, "strategy", attempts.names[i] == NULL ? "" : attempts.names[i]);
    add_string(json, "reason", reason == NULL ? "" : reason);
    sb_text_add(json, ",\"errno\":%d}", failure->error);
  }
  sb_text_add(json, "]");
  sb_attempts_clear(&attempts);
}

static void add_cache(struct sb_text *json, const struct sb_start *start) {
  struct sb_failure failure = {0};
  SB_AUTO_FREE char *place = NULL;
  if (sb_cache_check(&place, &failure) == SB_OK && place != NULL) {
    add_string(json, "cache", place);
    sb_text_add(json, ",\"missingBytes\":%llu", (unsigned long long)sb_cache_count_missing(start));
  }
  sb_failure_clear(&failure);
}

enum sb_reason sb_info_run(const struct sb_request *request, struct sb_failure *failure) {
  const struct sb_bundle *bundle = request->start->bundle;
  const struct sb_header *header = bundle->header;
  char digest[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(digest, header->closure_sha256, SB_DIGEST_BYTES);
  SB_AUTO_FREE struct sb_text json = {0};
  sb_text_add(&json, "{");
  add_string(&json, "name", sb_bundle_string(bundle, header->name));
  add_string(&json, "appVersion", sb_bundle_string(bundle, header->version));
  add_string(&json, "arch", header->machine == 62 ? "x86_64" : "aarch64");
  add_string(&json, "entrypoint", sb_bundle_string(bundle, sb_launch_entrypoint(bundle, request->called)->program));
  add_string(&json, "closureSha256", digest);
  add_string(&json, "toolVersion", sb_bundle_string(bundle, header->tool_version));
  sb_text_add(&json, ",\"contentBytes\":%llu,\"storePaths\":%u", (unsigned long long)header->content_bytes,
              (unsigned)header->path_count);
  add_strategies(&json, request->start);
  add_cache(&json, request->start);
  sb_text_add(&json, "}\n");
  return sb_options_print(json.data, json.bytes, failure);
}
