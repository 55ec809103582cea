/*
 * Input of many JSON objects: --json FILE|- and load. It is read twice wherever that can be, first to check the form of
 * every object, then to send: a mistake in line 900 is found before line 1 is sent. A file is read in its place; what
 * comes through a pipe is held in memory up to INPUT_HELD_MAX, and what is longer than that is checked as it is sent.
 */
#ifndef CLIENT_CLI_INPUT_H
#define CLIENT_CLI_INPUT_H

#include "client/cli/cli.h"
#include "client/cli/seen.h"
#include "proto/base/ident.h"

#define INPUT_HELD_MAX    (64u * 1024u * 1024u)
#define INPUT_WRONG_SHOWN 20u /* lines that are wrong, told one by one */

struct input {
    FILE *from;
    off_t start; /* of a file, where reading begins; -1: no file */
    char *held;
    size_t held_len;
    bool whole; /* all of it can be read twice */
};

/* Opens it, "-" being standard input, and reads what has to be held. INVALID when it cannot be read. */
enum status input_open(struct input *input, const char *path, struct fault *why) MUST_USE;
void input_close(struct input *input);
/* A reader at the beginning; json_reader_done when done. Of an input that is not whole: once. */
enum status input_begin(struct input *input, struct json_reader *out, struct fault *why) MUST_USE;

/* How one object is to be understood. */
struct input_form {
    const char *method;                     /* whose message it is */
    const ProtobufCMessageDescriptor *type; /* of that message */
};
struct input_check {
    struct cli *cli;
    const struct conversion *conversion;
    /* Takes out of the object what is no field of the message, or puts in what is known otherwise; fills the form.
     * INVALID: the object is wrong. */
    enum status (*prepare)(void *context, json_t *object, struct input_form *out, struct fault *why);
    void *context;
    /* Tells one that is wrong, beside the line on stderr; may be NULL. */
    void (*wrong)(void *context, uint64_t line, const struct fault *why);
    uint64_t count; /* objects found */
};
/* Reads the whole input and checks each object. EXIT_DONE: all can be sent. Otherwise what is wrong was told,
 * with its lines. */
int input_check(struct input *input, struct input_check *check);
/* "daftari: line 3: field: text"; in text that names its line already, only that. */
void input_tell(uint64_t line, const struct fault *why);

/*
 * Ids of the commands of one input. Each has the one that stands beside it ("command_id"); else the first has that of the
 * run (--command-id, or a new one), and each after it one made from that of the run and from its own text. So the same
 * input under the same id is recorded once, also when lines were mended or added in between.
 */
struct line_ids {
    uint8_t run[DFT_COMMAND_ID_BYTES];
    char run_text[UUID_TEXT_MAX];
    uint64_t count;
    struct seen seen;
};
enum status line_ids_init(struct line_ids *ids, const char *given, struct fault *why) MUST_USE;
void line_ids_done(struct line_ids *ids);
/* Takes "command_id" out of the object, whose text is that of the reader. */
enum status line_ids_next(struct line_ids *ids, json_t *object, const struct json_reader *reader,
                          uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why) MUST_USE;
/* Says on stderr how the same input is given again so that nothing is recorded twice. */
void line_ids_tell(const struct line_ids *ids);

/* many.c: --json of a command, of a query. */
int many_commands(struct cli *cli, const struct method *method);
int many_queries(struct cli *cli, const struct method *method);
/* Each object is a question, asked in turn; what the server finds wrong with one does not end it. */
struct questions {
    struct cli *cli;
    enum status (*prepare)(void *context, json_t *object, struct input_form *out, struct fault *why);
    enum status (*ask)(void *context, struct slice body, struct fault *why); /* and prints the answer */
    void *context;
};
int many_questions(const struct questions *questions);

#endif
