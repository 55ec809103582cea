/* Amounts as people write them: whatever parses comes back the same from its own text, grouped or not. */
#include "proto/base/bug.h"
#include "proto/base/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint32_t scale = data[0] % (CURRENCY_SCALE_MAX + 1);
    int64_t minor, again;
    struct fault why = {0};
    if (amount_parse(slice_of(data + 1, size - 1), scale, &minor, &why) != STATUS_OK) {
        ASSERT(why.status == STATUS_INVALID && why.text[0] != '\0');
        return 0;
    }
    ASSERT(minor <= AMOUNT_MAX && minor >= -AMOUNT_MAX);
    char text[AMOUNT_TEXT_MAX];
    size_t len = amount_format(minor, scale, text);
    ASSERT(amount_parse(slice_of(text, len), scale, &again, &why) == STATUS_OK && again == minor);
    len = amount_format_grouped(minor, scale, text);
    ASSERT(amount_parse(slice_of(text, len), scale, &again, &why) == STATUS_OK && again == minor);
    return 0;
}
