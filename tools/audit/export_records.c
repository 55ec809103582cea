/* The stored bytes themselves, for a checker of somebody else's: docs/journal-format.md, section 1. */
#include "proto/base/limits.h"
#include "proto/base/text.h"
#include "tools/audit/export.h"

enum status export_records(struct source *source, FILE *out, struct fault *why)
{
    char hex[HEX_TEXT_LEN(RECORD_BYTES_MAX)];
    struct slice bytes;
    enum status status;
    while ((status = source_next(source, &bytes, why)) == STATUS_OK) {
        if (bytes.len > RECORD_BYTES_MAX)
            return fault_set(why, STATUS_CORRUPT, NULL, "a record of more than %u bytes", RECORD_BYTES_MAX);
        hex_format(bytes.ptr, bytes.len, hex);
        (void)fprintf(out, "{\"records\":[\"%s\"]}\n", hex);
    }
    if (status != STATUS_END)
        return status;
    return fflush(out) == 0 && ferror(out) == 0
               ? STATUS_OK
               : fault_set(why, STATUS_IO, NULL, "the records could not be written");
}
