/*
 * Posts one journal entry and prints its document number.
 *
 *   post_entry HOST:PORT CA-FILE E-MAIL PASSWORD-FILE DEBIT-ACCOUNT CREDIT-ACCOUNT MINOR-UNITS DESCRIPTION
 *
 * The message is made with the protobuf-c code generated from proto/schema/entry.proto; any protobuf generator would do.
 * libdaftari(3) has the commands that generate it and compile this program.
 * The command id is made once, before sending: were this program to keep it on disk, it could ask again after a crash
 * and the entry would still be recorded once. (That is what dft_outbox is for.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daftari/daftari.h>

#include "entry.pb-c.h"

static int complain(const struct dft_fault *why)
{
    fprintf(stderr, "post_entry: %s%s%s (%s)\n", why->field, why->field[0] != '\0' ? ": " : "", why->text,
            dft_status_name(why->status));
    return 1;
}

static int read_line(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(out, (int)cap, file) == NULL) {
        perror(path);
        if (file != NULL)
            fclose(file);
        return 0;
    }
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
    return 1;
}

/* The packed message; the caller frees it. */
static uint8_t *entry_make(char **argv, size_t *out_len)
{
    Daftari__V1__EntryLine debit = DAFTARI__V1__ENTRY_LINE__INIT, credit = DAFTARI__V1__ENTRY_LINE__INIT;
    Daftari__V1__EntryLine *lines[] = {&debit, &credit};
    Daftari__V1__PostEntry entry = DAFTARI__V1__POST_ENTRY__INIT;
    debit.has_account = 1;
    debit.account = (uint32_t)strtoul(argv[5], NULL, 10);
    debit.has_debit_minor = 1;
    debit.debit_minor = strtoll(argv[7], NULL, 10);
    credit.has_account = 1;
    credit.account = (uint32_t)strtoul(argv[6], NULL, 10);
    credit.has_credit_minor = 1;
    credit.credit_minor = debit.debit_minor;
    entry.description = argv[8];
    entry.lines = lines;
    entry.n_lines = 2;
    *out_len = daftari__v1__post_entry__get_packed_size(&entry);
    uint8_t *body = malloc(*out_len);
    if (body != NULL)
        daftari__v1__post_entry__pack(&entry, body);
    return body;
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: post_entry HOST:PORT CA-FILE E-MAIL PASSWORD-FILE DEBIT CREDIT MINOR-UNITS "
                        "DESCRIPTION\n");
        return 2;
    }
    char password[256];
    struct dft_options options = {.server = argv[1], .ca_file = argv[2], .agent = "post_entry/1"};
    struct dft_client *client = NULL;
    struct dft_fault why = {0};
    struct dft_recorded recorded;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    size_t len = 0;

    if (!read_line(argv[4], password, sizeof password))
        return 1;
    if (dft_client_new(&client, &options, &why) != DFT_OK)
        return complain(&why);
    int code = 0;
    uint8_t *body = entry_make(argv, &len);
    dft_command_id_new(command_id);
    if (body == NULL || dft_connect(client, &why) != DFT_OK ||
        dft_log_in(client, argv[3], password, &why) != DFT_OK ||
        dft_command(client, "Entry.Post", command_id, body, len, &recorded, &why) != DFT_OK)
        code = complain(&why);
    else
        printf("%s at log position %llu\n", recorded.number, (unsigned long long)recorded.position);
    struct dft_fault ignored;
    if (dft_connected(client) && dft_log_out(client, &ignored) != DFT_OK)
        fprintf(stderr, "post_entry: not logged out: %s\n", ignored.text);
    free(body);
    dft_client_free(client);
    return code;
}
