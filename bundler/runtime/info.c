#include "info.h"

#include <stdio.h>

#include "launch.h"
#include "sha256.h"

/* UTF-8 passes as it is; the two characters of JSON's own and what doesn't print are escaped. */
static void print_string(const char *key, const char *text) {
  printf("\"%s\":\"", key);
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\') {
      printf("\\%c", *at);
    } else if ((unsigned char)*at < 0x20) {
      printf("\\u%04x", (unsigned)*at);
    } else {
      putchar(*at);
    }
  }
  putchar('"');
}

bool sb_info_print(const struct sb_bundle *bundle, const char *called) {
  const struct sb_header *header = bundle->header;
  char digest[2 * SB_DIGEST_BYTES + 1];
  sb_hex_write(digest, header->closure_sha256, SB_DIGEST_BYTES);
  putchar('{');
  print_string("name", sb_bundle_string(bundle, header->name));
  putchar(',');
  print_string("appVersion", sb_bundle_string(bundle, header->version));
  putchar(',');
  print_string("arch", header->machine == 62 ? "x86_64" : "aarch64");
  putchar(',');
  print_string("entrypoint", sb_bundle_string(bundle, sb_launch_entrypoint(bundle, called)->program));
  putchar(',');
  print_string("closureSha256", digest);
  putchar(',');
  print_string("toolVersion", sb_bundle_string(bundle, header->tool_version));
  printf(",\"contentBytes\":%llu,\"storePaths\":%u}\n", (unsigned long long)header->content_bytes,
         (unsigned)header->path_count);
  return fflush(stdout) == 0;
}
