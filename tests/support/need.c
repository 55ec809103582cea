#include "tests/support/need.h"

#include <stdio.h>
#include <stdlib.h>

void need(enum status status, const struct fault *why)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "%s %s: %s\n", status_name(status), why->field, why->text);
    exit(1);
}
