/* `--saddlebag-info`: what a bundle is, as one JSON object on stdout. */
#ifndef SB_INFO_H
#define SB_INFO_H

#include "bundle.h"

/* False where stdout takes it not. `called` is argv[0]. */
bool sb_info_print(const struct sb_bundle *bundle, const char *called);

#endif
