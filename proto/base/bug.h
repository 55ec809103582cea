/* Assertions for our own mistakes: always on, never on input. */
#ifndef PROTO_BASE_BUG_H
#define PROTO_BASE_BUG_H

#ifdef NDEBUG
#error "assertions stay on: build without NDEBUG"
#endif

_Noreturn void bug_stop(const char *condition, const char *file, int line); /* prints to stderr, aborts */

#define ASSERT(condition) ((condition) ? (void)0 : bug_stop(#condition, __FILE__, __LINE__))

#endif
