/* Signed notes, checkpoints and verifier keys from outside. */
#include "proto/base/bug.h"
#include "proto/record/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char log_key[] = "books.example/demo+562ca657+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    struct slice input = slice_of(data, size);
    struct note_verifier verifier, other;
    enum status status = note_vkey_parse(slice_text(log_key), &verifier, NULL);
    ASSERT(status == STATUS_OK);

    struct checkpoint checkpoint;
    struct slice text;
    struct fault why = {0};
    if (checkpoint_open(input, &verifier, &checkpoint, &why) == STATUS_OK) {
        status = note_open(input, &verifier, &text, &why);
        ASSERT(status == STATUS_OK && text.len < size && text.ptr == data);
    } else {
        ASSERT(why.status == STATUS_CORRUPT && why.field[0] != '\0' && why.text[0] != '\0');
    }
    if (note_vkey_parse(input, &other, &why) == STATUS_OK) { /* one text for every key */
        char vkey[NOTE_VKEY_MAX];
        status = note_vkey_format(&other, vkey);
        ASSERT(status == STATUS_OK && slice_equal(slice_text(vkey), input));
    }
    return 0;
}
