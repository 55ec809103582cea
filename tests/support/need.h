/* For benches: what must go well, or the program ends with what went wrong. */
#ifndef TESTS_SUPPORT_NEED_H
#define TESTS_SUPPORT_NEED_H

#include "proto/base/status.h"

void need(enum status status, const struct fault *why);

#endif
