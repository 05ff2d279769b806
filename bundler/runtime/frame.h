/* One zstd frame in, its content out; the only use of zstd. */
#ifndef SB_FRAME_H
#define SB_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/* Reusable state of one thread; about 160 KB. */
struct sb_decoder;

/* Returns NULL where memory is short. */
struct sb_decoder *sb_decoder_new(void);

void sb_decoder_free(struct sb_decoder *decoder);

/*
 * Decodes one whole frame into exactly `content_bytes` bytes; false where it is anything else or its checksum differs.
 */
bool sb_frame_decode(struct sb_decoder *decoder, void *content, size_t content_bytes, const void *frame,
                     size_t frame_bytes);

#endif
