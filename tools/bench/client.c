/* What waits for its answer: the log-in, whose session every connection of a run takes up. */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench.h"

static enum dft_status read_password(const char *path, char *out, size_t cap, struct dft_fault *why)
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL || fgets(out, (int)cap, file) == NULL) {
        if (file != NULL)
            fclose(file);
        snprintf(why->text, sizeof why->text, "the password file %.200s cannot be read",
                 path != NULL ? path : "(none)");
        return why->status = DFT_INVALID;
    }
    fclose(file);
    out[strcspn(out, "\r\n")] = '\0';
    return DFT_OK;
}

enum dft_status bench_log_in(struct bench *bench, struct dft_fault *why)
{
    struct dft_options with = {.server = bench->options.server,
                               .ca_file = bench->options.ca_file,
                               .agent = "daftari-bench",
                               .call_timeout_ms = 120000};
    struct dft_client *client = NULL;
    char password[256];
    if (bench->client != NULL)
        return dft_connect(bench->client, why);
    enum dft_status status = dft_client_new(&client, &with, why);
    if (status == DFT_OK)
        status = dft_connect(client, why);
    if (status == DFT_OK)
        status = read_password(bench->options.password_file, password, sizeof password, why);
    if (status == DFT_OK)
        status = dft_log_in(client, bench->options.email, password, why);
    if (status != DFT_OK) {
        dft_client_free(client);
        return status;
    }
    bench->client = client;
    return DFT_OK;
}

void bench_log_off(struct bench *bench)
{
    dft_client_free(bench->client);
    bench->client = NULL;
}
