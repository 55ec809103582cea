/* By which name a currency is exported: its code, or the name of the commodity from which an import made that code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/record/sha256.h"
#include "tools/audit/export.h"

#define SYMBOLS_MAX    (UINT16_MAX + 1u)
#define DEFINITION_MAX (2 * NAME_TEXT_MAX + 128)

struct export_symbols {
    char *symbols[SYMBOLS_MAX]; /* by number; NULL = the code */
    char *codes[SYMBOLS_MAX];
    size_t count; /* of numbers, from 0 on */
};

struct export_symbols *export_symbols_new(void)
{
    return calloc(1, sizeof(struct export_symbols));
}

void export_symbols_free(struct export_symbols *symbols)
{
    for (size_t i = 0; symbols != NULL && i < symbols->count; i++) {
        free(symbols->symbols[i]);
        free(symbols->codes[i]);
    }
    free(symbols);
}

/*
 * What a person defines has the code that people write, and perhaps a sign for it. What `daftari import journal` defines
 * with a symbol came in under that symbol. The two are told apart by the id of the command: an import makes it of the
 * definition itself (making_id in client/cli/import/make.c).
 */
static bool made_by_import(const struct record *record, const Daftari__V1__DefineCurrency *define)
{
    static const char label[] = "Currency.Define"; /* hashed with its NUL */
    char symbol[2 * NAME_TEXT_MAX + 1], text[DEFINITION_MAX];
    struct hash hash;
    size_t len = 0;
    if (define->code == NULL || define->symbol == NULL || strlen(define->symbol) > NAME_TEXT_MAX)
        return false;
    for (const char *from = define->symbol; *from != '\0'; from++) {
        if (*from == '"' || *from == '\\')
            symbol[len++] = '\\';
        symbol[len++] = *from;
    }
    symbol[len] = '\0';
    int wrote = snprintf(text, sizeof text, "{\"code\":\"%s\",\"scale\":%u,\"symbol\":\"%s\"}", define->code,
                         define->scale, symbol);
    if (wrote < 0 || (size_t)wrote >= sizeof text)
        return false;
    struct slice parts[] = {slice_of(label, sizeof label), slice_text(text)};
    sha256(parts, 2, &hash);
    return memcmp(hash.bytes, record->header.command_id.bytes, sizeof record->header.command_id.bytes) == 0;
}

enum status export_symbols_take(struct export_symbols *symbols, const struct record *record,
                                const Daftari__V1__DefineCurrency *define, struct fault *why)
{
    uint32_t number = record->header.number;
    if (number >= SYMBOLS_MAX || number < symbols->count || define->code == NULL)
        return fault_set(why, STATUS_CORRUPT, NULL, "record %llu defines no currency that can be",
                         (unsigned long long)record->header.position);
    bool imported = made_by_import(record, define);
    symbols->count = number + 1;
    symbols->codes[number] = strdup(define->code);
    if (imported)
        symbols->symbols[number] = strdup(define->symbol);
    if (symbols->codes[number] == NULL || (imported && symbols->symbols[number] == NULL))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the currencies");
    return STATUS_OK;
}

/* Another currency would be written the same. */
static bool taken(const struct export_symbols *symbols, size_t number)
{
    const char *wanted = symbols->symbols[number];
    for (size_t i = 0; i < symbols->count; i++) {
        const char *other = symbols->symbols[i] != NULL ? symbols->symbols[i] : symbols->codes[i];
        if (i != number && ((symbols->codes[i] != NULL && strcmp(symbols->codes[i], wanted) == 0) ||
                            (other != NULL && strcmp(other, wanted) == 0)))
            return true;
    }
    return false;
}

/* Neither program has a way to write one of these inside quotes. */
static bool can_be_quoted(const char *symbol)
{
    return symbol[0] != '\0' && strpbrk(symbol, "\";\n\r\t") == NULL;
}

void export_symbols_settle(struct export_symbols *symbols, const char *base)
{
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->symbols[i] != NULL && (!can_be_quoted(symbols->symbols[i]) || taken(symbols, i) ||
                                            strcmp(symbols->symbols[i], base) == 0)) {
            free(symbols->symbols[i]);
            symbols->symbols[i] = NULL;
        }
    }
}

const char *export_symbol(const struct export_symbols *symbols, uint16_t number)
{
    return number < symbols->count ? symbols->symbols[number] : NULL;
}
