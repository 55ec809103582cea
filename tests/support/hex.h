/* Bytes written in hexadecimal in tests: spaces and line ends are skipped. */
#ifndef TESTS_SUPPORT_HEX_H
#define TESTS_SUPPORT_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Number of bytes; stops the test program when the text is no hexadecimal or does not fit. */
size_t hex_bytes(const char *text, uint8_t *out, size_t cap);

#endif
