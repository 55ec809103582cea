/* docs/domain.md and, from the catalogue on, docs/domain-trade.md name every method, every setting with its default and meaning, and every reason with its number; the
 * data files it speaks of are there and change nothing when they are loaded twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/domain/business/settings.h"
#include "server/domain/domain.h"
#include "tests/support/world.h"

#define PAGE       "docs/domain.md"
#define PAGE_TRADE "docs/domain-trade.md" /* where PAGE goes on */
#define PAGES_MAX  (512u * 1024u)

static size_t failed;

static void check(bool good, const char *format, const char *what)
{
    if (good)
        return;
    printf("# " PAGE " ");
    printf("%s: %s\n", format, what);
    failed++;
}

/* All pages, one after the other. */
static char *read_pages(void)
{
    static const char *const pages[] = {
        PAGE,
        PAGE_TRADE,
        "docs/domain-money.md",
        "docs/domain-tax.md",
    };
    char *text = calloc(1, PAGES_MAX);
    size_t len = 0;
    for (size_t i = 0; text != NULL && i < sizeof pages / sizeof pages[0]; i++) {
        FILE *file = fopen(pages[i], "r");
        size_t got = file != NULL ? fread(text + len, 1, PAGES_MAX - 1 - len, file) : 0;
        check(got != 0, "is not there, or its other half", pages[i]);
        len += got;
        if (file != NULL)
            (void)fclose(file);
    }
    return text;
}

/* People, periods and reconciliation describe their methods in words of their own. */
static bool in_table(const char *capability)
{
    static const char *const names[] = {
        "books", "business", "catalogue",  "cylinders",  "days",    "jobs",  "ledger",
        "money", "parties",  "production", "purchasing", "reports", "stock", "tax",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(capability, names[i]) == 0)
            return true;
    return false;
}

static void check_page(const char *page)
{
    char row[600];
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t m = 0; m < domain_capabilities[c]->method_count; m++)
            if (in_table(domain_capabilities[c]->name)) {
                (void)snprintf(row, sizeof row, "`%s`", domain_capabilities[c]->methods[m].name);
                check(strstr(page, row) != NULL, "lacks the method", row);
            }
    for (size_t i = 0; i < setting_count; i++) {
        (void)snprintf(row, sizeof row, " | %s | %s |",
                       settings[i].fallback[0] != '\0' ? settings[i].fallback : "(empty)",
                       settings[i].meaning);
        check(strstr(page, row) != NULL, "lacks default and meaning of the setting", settings[i].name);
        (void)snprintf(row, sizeof row, "| `%s` |", settings[i].name);
        check(strstr(page, row) != NULL, "lacks the setting", settings[i].name);
    }
    for (unsigned i = 0; i < daftari__v1__reason__descriptor.n_values; i++) {
        const ProtobufCEnumValue *reason = &daftari__v1__reason__descriptor.values[i];
        (void)snprintf(row, sizeof row, "| %d | `%s` |", reason->value, reason->name);
        check(reason->value == 0 || strstr(page, row) != NULL, "lacks the reason", row);
    }
}

static void count_rows(void *context, const ProtobufCMessage *message)
{
    (void)message;
    ++*(size_t *)context;
}

static void check_data(void)
{
    static const char *const files[] = {"data/kenya-three-businesses.jsonl", "data/car-wash.jsonl",
                                        "data/kenya-customers.jsonl", "data/kenya-expenses.jsonl"};
    struct world_actor server = {0};
    struct world_answer answer;
    struct world *world = world_new();
    size_t changes = 0, rows = 0;
    struct fault why;
    check(world_command_text(
              world, &server, "internal.OpenBooks",
              "{\"name\": \"Data\", \"base_currency\": \"KES\", \"scale\": 2, \"symbol\": \"KSh\", "
              "\"utc_offset_minutes\": 180, \"first_date\": \"2025-01-01\"}",
              &answer) &&
              answer.status == STATUS_OK,
          "cannot be tried", "the books do not open");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check(world_load(world, files[i], NULL, &changes) && changes > 0, "speaks of data that is refused",
              files[i]);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check(world_load(world, files[i], "Opening.", &changes) && changes == 0,
              "says wrongly that loading twice changes nothing", files[i]);
    check(world_query(world, &server, "Account.List", slice_of(NULL, 0), count_rows, &rows, &why) ==
                  STATUS_OK &&
              rows == 30 + 32 + 3,
          "counts the accounts wrongly", "30, 32 of the extension, 3 of the car wash");
    int64_t assets = 0;
    static const struct {
        uint32_t account;
        const char *business;
    } opened[] = {{1110, "WTR"}, {1140, "WTR"}, {1210, "WTR"}, {1120, "LND"}, {1141, "LND"}, {1130, "RTL"},
                  {1142, "RTL"}, {1220, "RTL"}, {1230, "RTL"}, {1170, "HQ"},  {1171, "HQ"}};
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++)
        assets += world_balance(world, opened[i].account, opened[i].business, NULL);
    check(assets == 18100000, "and the data differ", "opening assets are 181,000.00");
    check(world_check(world), "data break a rule", world->trouble);
    world_free(world);
}

int main(void)
{
    char *page = read_pages();
    check_page(page);
    free(page);
    check_data();
    printf("%s - the page on the domain, its tables and its data agree\n", failed == 0 ? "ok" : "not ok");
    return failed == 0 ? 0 : 1;
}
