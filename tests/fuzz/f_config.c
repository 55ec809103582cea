/* Configuration files: whatever is taken prints to text that reads back as the same; nothing else happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bug.h"
#include "server/app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = config_new(), *again = config_new();
    char *text = NULL;
    size_t len = 0;
    ASSERT(config != NULL && again != NULL);
    if (config_parse(config, slice_of(data, size), "input", NULL) == STATUS_OK) {
        FILE *out = open_memstream(&text, &len);
        ASSERT(out != NULL);
        config_print(config, out);
        fclose(out);
        ASSERT(config_parse(again, slice_of(text, len), "again", NULL) == STATUS_OK);
        ASSERT(strcmp(config->data_dir, again->data_dir) == 0);
        ASSERT(strcmp(config->key_dir, again->key_dir) == 0 && config->listen_port == again->listen_port);
        ASSERT(strcmp(config->master_key_file, again->master_key_file) == 0);
        ASSERT(config->metrics == again->metrics && config->login_lock_after == again->login_lock_after);
    }
    free(text);
    config_free(config);
    config_free(again);
    return 0;
}
