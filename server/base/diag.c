#include "server/base/diag.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/date.h"

#define LINE_MAX_BYTES 1000

static _Atomic int diag_lowest = DIAG_INFO;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool to_journal; /* set once, before the first line */

static const char *const level_names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
static const char *const level_priorities[] = {"<7>", "<6>", "<4>", "<3>"}; /* sd-daemon(3) */

/* $JOURNAL_STREAM is "device:inode" of standard error when it leads to the journal (systemd.exec(5)). */
static void journal_look(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    struct stat st;
    if (text == NULL || fstat(STDERR_FILENO, &st) != 0)
        return;
    char ours[64];
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    to_journal = strcmp(text, ours) == 0;
}

void diag_set_level(enum diag_level lowest)
{
    atomic_store(&diag_lowest, (int)lowest);
}

/* Whatever a value holds, one call is one line. */
static void controls_mask(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
}

void diag(enum diag_level level, const char *component, const char *event, const char *format, ...)
{
    if ((int)level < atomic_load(&diag_lowest))
        return;
    pthread_once(&journal_once, journal_look);

    int saved = errno;
    char line[LINE_MAX_BYTES + 1];
    int len;
    if (to_journal) { /* the journal adds the time itself */
        len = snprintf(line, LINE_MAX_BYTES, "%s%s %s ", level_priorities[level], component, event);
    } else {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        char when[TIME_TEXT_MAX];
        timestamp_format((timestamp_us)now.tv_sec * 1000000 + now.tv_nsec / 1000, when);
        len = snprintf(line, LINE_MAX_BYTES, "%s %s %s %s ", when, level_names[level], component, event);
    }
    size_t used = len < 0 ? 0 : (size_t)len;
    if (used < LINE_MAX_BYTES) {
        va_list args;
        va_start(args, format);
        int more = vsnprintf(line + used, LINE_MAX_BYTES - used, format, args);
        va_end(args);
        used += more < 0 ? 0 : (size_t)more;
    }
    if (used > LINE_MAX_BYTES - 1)
        used = LINE_MAX_BYTES - 1;
    while (used > 0 && line[used - 1] == ' ')
        used--;
    controls_mask(line, used);
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used); /* nobody to tell when it fails */
    (void)written;
    errno = saved;
}
