#include "tests/support/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t hex_bytes(const char *text, uint8_t *out, size_t cap)
{
    size_t digits = 0;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text))
            continue;
        int value = digit(*text);
        if (value < 0 || digits / 2 >= cap) {
            printf("not ok bad hexadecimal in a test\n");
            exit(1);
        }
        if (digits % 2 == 0)
            out[digits / 2] = (uint8_t)(value << 4);
        else
            out[digits / 2] |= (uint8_t)value;
        digits++;
    }
    return digits / 2;
}
