/* Fuzzes the decoding of one frame, of which the first two bytes of the input tell how long its content has to be. */
#include <stdlib.h>
#include <string.h>

#include "../../frame.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct sb_decoder *decoder;
  if (decoder == NULL) decoder = sb_decoder_new();
  uint16_t content_bytes;
  if (decoder == NULL) abort();
  if (size < sizeof content_bytes) return 0;
  memcpy(&content_bytes, data, sizeof content_bytes);
  /* Each in memory of just its size, so that one byte too many is found. */
  size_t frame_bytes = size - sizeof content_bytes;
  uint8_t *frame = malloc(frame_bytes), *content = malloc(content_bytes);
  if ((frame == NULL && frame_bytes > 0) || (content == NULL && content_bytes > 0)) abort();
  memcpy(frame, data + sizeof content_bytes, frame_bytes);
  sb_frame_decode(decoder, content, content_bytes, frame, frame_bytes);
  free(content);
  free(frame);
  return 0;
}
