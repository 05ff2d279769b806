#include "info.h"

#include <unistd.h>

#include "cleanup.h"
#include "launch.h"
#include "sha256.h"
#include "text.h"

/* UTF-8 passes as it is; the two characters of JSON's own and what doesn't print are escaped. */
static void add_string(struct sb_text *json, const char *key, const char *text) {
  static const char digits[] = "0123456789abcdef";
  sb_text_add(json, "%s\"%s\":\"", json->bytes == 1 ? "" : ",", key);
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

bool sb_info_print(const struct sb_bundle *bundle, const char *called) {
  const struct sb_header *header = bundle->header;
  char digest[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(digest, header->closure_sha256, SB_DIGEST_BYTES);
  SB_AUTO_FREE struct sb_text json = {0};
  sb_text_add(&json, "{");
  add_string(&json, "name", sb_bundle_string(bundle, header->name));
  add_string(&json, "appVersion", sb_bundle_string(bundle, header->version));
  add_string(&json, "arch", header->machine == 62 ? "x86_64" : "aarch64");
  add_string(&json, "entrypoint", sb_bundle_string(bundle, sb_launch_entrypoint(bundle, called)->program));
  add_string(&json, "closureSha256", digest);
  add_string(&json, "toolVersion", sb_bundle_string(bundle, header->tool_version));
  sb_text_add(&json, ",\"contentBytes\":%llu,\"storePaths\":%u}\n", (unsigned long long)header->content_bytes,
              (unsigned)header->path_count);
  return write(STDOUT_FILENO, json.data, json.bytes) == (ssize_t)json.bytes;
}
