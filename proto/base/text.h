/* Text from outside: valid UTF-8, no NUL, no control characters, bounded length. Pure. */
#ifndef PROTO_BASE_TEXT_H
#define PROTO_BASE_TEXT_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

/* Well-formed UTF-8 (RFC 3629), without NUL, C0 (but '\n' and '\t'), DEL or C1 control characters. */
bool text_valid(struct slice text);

/* Bytes of the longest prefix of `text` of at most `max` bytes that does not cut a character in two. */
size_t text_cut(struct slice text, size_t max);

#define HEX_TEXT_LEN(bytes) (2 * (bytes) + 1)
void hex_format(const uint8_t *bytes, size_t len, char *out);         /* lower case, writes 2*len+1 */
bool hex_parse(struct slice text, uint8_t *out, size_t len) MUST_USE; /* exactly 2*len digits */

/* RFC 4648 base64 with padding. out_cap counts bytes; false when it does not fit or text is malformed. */
bool base64_format(struct slice bytes, char *out, size_t out_cap) MUST_USE; /* NUL-terminated */
bool base64_parse(struct slice text, uint8_t *out, size_t out_cap, size_t *out_len) MUST_USE;

/* A whole decimal number in [min, max], nothing else around it. */
bool number_parse(struct slice text, uint64_t min, uint64_t max, uint64_t *out) MUST_USE;

#endif
