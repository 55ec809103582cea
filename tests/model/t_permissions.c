/* Who may do what: the program's roles, methods and reports against tests/model/permissions.txt, both ways; and nobody
 * gets at a business that he has no access to, by any command that names one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "people.pb-c.h"
#include "server/domain/people/people.h"
#include "server/domain/people/rights.h"
#include "server/views/view.h"
#include "tests/support/world.h"

#define ROLES 5
static const char *const roles[ROLES] = {"Owner", "Accountant", "Manager", "Cashier", "Auditor"};

struct line {
    char name[80];
    char cells[ROLES][16];
    bool used;
};
struct table {
    struct line lines[512];
    size_t count;
};

static size_t trouble;

static bool table_read(const char *path, struct table *out)
{
    char text[256];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fgets(text, sizeof text, file) != NULL && out->count < sizeof out->lines / sizeof out->lines[0]) {
        struct line *line = &out->lines[out->count];
        char *rest = text, *word, *save;
        if (text[0] == '#' || text[0] == '\n')
            continue;
        memset(line, 0, sizeof *line);
        word = strtok_r(rest, " \n", &save);
        (void)snprintf(line->name, sizeof line->name, "%s", word);
        if (strcmp(word, "level") == 0 || strcmp(word, "report") == 0 || strcmp(word, "reader") == 0) {
            word = strtok_r(NULL, " \n", &save);
            (void)snprintf(line->name + strlen(line->name), sizeof line->name - strlen(line->name), " %s",
                           word != NULL ? word : "?");
        }
        for (int i = 0; i < ROLES && (word = strtok_r(NULL, " \n", &save)) != NULL; i++)
            (void)snprintf(line->cells[i], sizeof line->cells[i], "%s", word);
        out->count++;
    }
    (void)fclose(file);
    return true;
}

/* One thing that the program has, as the table should say it. */
static void compare(struct table *table, const char *name, const char *const cells[ROLES])
{
    for (size_t i = 0; i < table->count; i++) {
        struct line *line = &table->lines[i];
        if (strcmp(line->name, name) != 0)
            continue;
        line->used = true;
        for (int role = 0; role < ROLES; role++)
            if (strcmp(line->cells[role], cells[role]) != 0) {
                printf("# %s: the table says %s for %s, the program %s\n", name, line->cells[role],
                       roles[role], cells[role]);
                trouble++;
            }
        return;
    }
    printf("# %s is not in the table\n", name);
    trouble++;
}

static void rights_by_role(struct world *world, struct rights out[ROLES])
{
    struct world_actor server = {0};
    struct world_answer answer;
    struct kv_txn *txn;
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < people_built_in_role_count; i++) {
        uint8_t body[1024];
        Daftari__V1__DefineRole *role = people_built_in_role(i, arena);
        size_t len = daftari__v1__define_role__pack(role, body);
        world_command(world, &server, "internal.DefineRole", slice_of(body, len), &answer);
        if (answer.status != STATUS_OK)
            trouble++;
    }
    for (uint32_t i = 0; i < ROLES; i++) {
        uint8_t body[1024];
        char email[64];
        char *names[] = {(char *)(uintptr_t)roles[i]};
        Daftari__V1__UserCreated user = DAFTARI__V1__USER_CREATED__INIT;
        (void)snprintf(email, sizeof email, "u%u@shop.example", i);
        user.email = email;
        user.first_name = user.last_name = names[0];
        user.n_roles = 1;
        user.roles = names;
        size_t len = daftari__v1__user_created__pack(&user, body);
        world_command(world, &server, "internal.CreateUser", slice_of(body, len), &answer);
        if (answer.status != STATUS_OK)
            trouble++;
    }
    if (kv_begin(world->state, false, &txn) != STATUS_OK)
        abort();
    for (uint32_t i = 0; i < ROLES; i++)
        rights_compute(txn, i + 1, &out[i]);
    kv_abort(txn);
    arena_free(arena);
}

static void compare_levels(struct table *table, const struct rights rights[ROLES])
{
    static const char *const words[] = {"-", "read", "write"};
    const char *cells[ROLES];
    const ProtobufCEnumDescriptor *all = &daftari__v1__permission__descriptor;
    for (unsigned i = 0; i < all->n_values; i++) {
        char name[80];
        if (all->values[i].value == 0)
            continue;
        (void)snprintf(name, sizeof name, "level %s", all->values[i].name);
        for (int role = 0; role < ROLES; role++)
            cells[role] = words[rights[role].level[all->values[i].value]];
        compare(table, name, cells);
    }
    for (int role = 0; role < ROLES; role++)
        cells[role] = rights[role].every_business ? "yes" : "-";
    compare(table, "every-business", cells);
}

static void compare_needs(struct table *table, const struct rights rights[ROLES], const char *name,
                          unsigned permission, enum permission_level level)
{
    const char *cells[ROLES];
    for (int role = 0; role < ROLES; role++)
        cells[role] = rights_allow(&rights[role], permission, level) ? "yes" : "-";
    compare(table, name, cells);
}

/* Who has access to a business and no role: a line for each level, method and report that he has and that not everybody
 * has. None at all without access, and none beside a role. */
static void reader_rights(struct world *world, struct rights *out)
{
    static const char *const commands[][2] = {
        {"Business.Open", "{\"code\":\"WTR\",\"name\":\"Water\",\"type\":\"water\"}"},
        {"internal.CreateUser", "{\"email\":\"r@shop.example\",\"first_name\":\"R\",\"last_name\":\"R\"}"},
        {"internal.CreateUser", "{\"email\":\"s@shop.example\",\"first_name\":\"S\",\"last_name\":\"S\"}"},
        {"Access.Grant", "{\"email\":\"r@shop.example\",\"business\":\"WTR\",\"level\":\"READ\"}"},
        {"Access.Grant", "{\"email\":\"u3@shop.example\",\"business\":\"WTR\",\"level\":\"READ\"}"}};
    struct world_actor server = {0};
    struct world_answer answer;
    struct rights stranger, cashier;
    struct kv_txn *txn;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!world_command_text(world, &server, commands[i][0], commands[i][1], &answer) ||
            answer.status != STATUS_OK) {
            printf("# %s: %s\n", commands[i][0], answer.fault.text);
            trouble++;
        }
    if (kv_begin(world->state, false, &txn) != STATUS_OK)
        abort();
    rights_compute(txn, ROLES + 1, out);
    rights_compute(txn, ROLES + 2, &stranger);
    rights_compute(txn, 4, &cashier);
    kv_abort(txn);
    for (unsigned i = 1; i < PERMISSIONS_MAX; i++)
        trouble += stranger.level[i] != PERMISSION_NONE ? 1 : 0;
    trouble += rights_allow(&cashier, DAFTARI__V1__PERMISSION__FINANCE_REPORTS, PERMISSION_READ) ? 1 : 0;
    trouble += !rights_allow_business(out, 1, PERMISSION_READ) ? 1 : 0;
    trouble += rights_allow_business(out, 1, PERMISSION_WRITE) ? 1 : 0;
    trouble += rights_allow_business(out, 0, PERMISSION_READ) ? 1 : 0;
}

static void compare_reader(struct table *table, const char *name)
{
    static const char *const none[ROLES] = {"", "", "", "", ""};
    char line[100];
    (void)snprintf(line, sizeof line, "reader %s", name);
    compare(table, line, none);
}

static void compare_reader_all(struct table *table, const struct rights *reader)
{
    const ProtobufCEnumDescriptor *all = &daftari__v1__permission__descriptor;
    for (unsigned i = 0; i < all->n_values; i++) {
        if (all->values[i].value != 0 && reader->level[all->values[i].value] == PERMISSION_READ)
            compare_reader(table, all->values[i].name);
        trouble += reader->level[all->values[i].value] > PERMISSION_READ ? 1 : 0;
    }
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t i = 0; i < domain_capabilities[c]->method_count; i++) {
            const struct method *method = &domain_capabilities[c]->methods[i];
            if (method->kind != METHOD_INTERNAL && method->permission != 0 &&
                rights_allow(reader, method->permission, method->level))
                compare_reader(table, method->name);
        }
    for (size_t i = 0; i < report_count; i++)
        if (rights_allow(reader, reports[i]->permission, PERMISSION_READ))
            compare_reader(table, reports[i]->name);
}

static void compare_all(struct table *table, const struct rights rights[ROLES], const struct rights *reader)
{
    compare_reader_all(table, reader);
    compare_levels(table, rights);
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t i = 0; i < domain_capabilities[c]->method_count; i++) {
            const struct method *method = &domain_capabilities[c]->methods[i];
            if (method->kind != METHOD_INTERNAL)
                compare_needs(table, rights, method->name, method->permission, method->level);
        }
    for (size_t i = 0; i < report_count; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "report %s", reports[i]->name);
        compare_needs(table, rights, name, reports[i]->permission, PERMISSION_READ);
    }
    for (size_t i = 0; i < table->count; i++)
        if (!table->lines[i].used) {
            printf("# %s is in the table, not in the program\n", table->lines[i].name);
            trouble++;
        }
}

/* A user who is not active may nothing, whatever his roles; a permission without a number gives nothing. */
static void check_default_deny(const struct rights rights[ROLES])
{
    struct rights idle = rights[0];
    idle.active = false;
    trouble += rights_allow(&idle, 0, PERMISSION_READ) ? 1 : 0;
    trouble += rights_allow_business(&idle, 0, PERMISSION_READ) ? 1 : 0;
    trouble += rights_allow(&rights[0], PERMISSIONS_MAX, PERMISSION_READ) ? 1 : 0;
    trouble += rights_allow(&rights[0], PERMISSIONS_MAX - 1, PERMISSION_READ) ? 1 : 0;
    trouble += rights_allow_business(&rights[0], BUSINESSES_MAX, PERMISSION_READ) ? 1 : 0;
    trouble +=
        rights_allow_business(&rights[2], 0, PERMISSION_READ) ? 1 : 0; /* a Manager without access rows */
}

/* ---- other people's businesses ----------------------------------------------------------------------------------------- */

/* Has a message a field "business" anywhere in it? Schemas do not nest deeper than this. */
static bool names_business(const ProtobufCMessageDescriptor *type, unsigned depth)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (strcmp(field->name, "business") == 0)
            return true;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && depth != 0 &&
            names_business(field->descriptor, depth - 1))
            return true;
    }
    return false;
}

/* A command that would be good of one with access to LND: refused, and nothing is recorded. */
static bool try_command(struct world *world, const struct world_actor *outsider, const char *method,
                        const char *text)
{
    struct world_answer answer;
    size_t before = world->record_count;
    bool fits = world_command_text(world, outsider, method, text, &answer);
    if (fits && answer.status == STATUS_DENIED && world->record_count == before)
        return true;
    printf("# %s by one without access to LND: %s, %s\n", method,
           fits ? status_name(answer.status) : "bad test data", fits ? answer.fault.text : text);
    return false;
}

struct attempt {
    const char *method, *json;
};
static const struct attempt attempts[] = {
    {"Access.Grant", "{\"email\": \"u3@shop.example\", \"business\": \"LND\", \"level\": \"READ\"}"},
    {"Access.Revoke", "{\"email\": \"u3@shop.example\", \"business\": \"LND\"}"},
    {"Account.Open", "{\"number\": 1199, \"name\": \"Till 2\", \"business\": \"LND\"}"},
    {"Adjustment.Request",
     "{\"reason\": \"count\", \"entry\": {\"business\": \"LND\", \"type\": \"ADJ\", \"description\": \"x\", "
     "\"lines\": [{\"account\": 1120, \"debit\": \"1.00\"}, {\"account\": 4200, \"credit\": \"1.00\"}]}}"},
    {"Business.Set",
     "{\"business\": \"LND\", \"settings\": [{\"name\": \"tax_rate\", \"value\": \"8.00\"}]}"},
    {"Entry.Draft",
     "{\"entry\": {\"business\": \"LND\", \"description\": \"x\", "
     "\"lines\": [{\"account\": 1120, \"debit\": \"1.00\"}, {\"account\": 4200, \"credit\": \"1.00\"}]}}"},
    {"Entry.Post",
     "{\"business\": \"LND\", \"description\": \"x\", "
     "\"lines\": [{\"account\": 1120, \"debit\": \"1.00\"}, {\"account\": 4200, \"credit\": \"1.00\"}]}"},
    /* The document is his own, one line is not. */
    {"Entry.Post",
     "{\"business\": \"WTR\", \"description\": \"x\", "
     "\"lines\": [{\"account\": 1120, \"debit\": \"1.00\"}, {\"account\": 1110, \"credit\": \"1.00\"}]}"},
    {"Mpesa.Match", "{\"receipt\": \"RKTQDM7W6S\", \"customer\": \"LC001\", \"business\": \"LND\"}"},
    {"Opening.Post", "{\"business\": \"LND\", \"lines\": [{\"account\": 1120, \"balance\": \"1.00\"}]}"},
    {"Payment.PaySupplier",
     "{\"business\": \"LND\", \"supplier\": \"x\", \"tenders\": [{\"amount\": \"1.00\"}]}"},
    {"Payment.Receive",
     "{\"business\": \"LND\", \"customer\": \"LC001\", \"tenders\": [{\"amount\": \"1.00\"}]}"},
    {"Payment.Refund", "{\"business\": \"LND\", \"customer\": \"LC001\"}"},
    {"Payment.WriteOff", "{\"business\": \"LND\", \"customer\": \"LC001\", \"reason\": \"x\"}"},
    {"PostingRule.Set",
     "{\"business\": \"LND\", \"rules\": [{\"role\": \"receivable\", \"account\": 1310}]}"},
    {"Price.Set", "{\"business\": \"LND\", \"prices\": [{\"item\": \"IRON\", \"price\": \"35.00\"}]}"},
    {"Reconciliation.Record", "{\"account\": 1120, \"business\": \"LND\", \"external_balance\": \"1.00\"}"},
    {"Reconciliation.Record", "{\"account\": 1120, \"external_balance\": \"1.00\"}"},
    {"Customer.SetCreditLimit", "{\"customer\": \"LC001\", \"business\": \"LND\", \"limit\": \"9000.00\"}"},
    {"Sale.Record", "{\"business\": \"LND\", \"lines\": [{\"item\": \"IRON\"}]}"},
    {"Job.Receive", "{\"business\": \"LND\", \"lines\": [{\"item\": \"IRON\"}], \"tenders\": [{}]}"},
    {"Cylinder.Acquire",
     "{\"business\": \"LND\", \"type\": \"K\", \"serials\": [\"A\"], \"cost\": \"1.00\"}"},
    {"Cylinder.Exchange", "{\"business\": \"LND\", \"mode\": \"deposit\", \"serial_out\": \"A\"}"},
    {"Cylinder.Open", "{\"business\": \"LND\", \"lines\": [{\"type\": \"K\", \"serials\": [\"A\"]}]}"},
    {"Cylinder.Refill", "{\"business\": \"LND\", \"serials\": [\"A\"], \"from_stock\": true}"},
    {"Cylinder.Lose", "{\"business\": \"LND\", \"serials\": [\"A\"], \"reason\": \"x\"}"},
    {"Cylinder.Scrap", "{\"business\": \"LND\", \"serials\": [\"A\"], \"reason\": \"x\"}"},
    {"Cylinder.SendToMaintenance", "{\"business\": \"LND\", \"serials\": [\"A\"]}"},
    {"Cylinder.BackFromMaintenance", "{\"business\": \"LND\", \"serials\": [\"A\"]}"},
    {"Cylinder.SendToSupplier", "{\"business\": \"LND\", \"serials\": [\"A\"]}"},
    {"Cylinder.BackFromSupplier", "{\"business\": \"LND\", \"serials\": [\"A\"]}"},
    {"Reconciliation.Start", "{\"account\": 1120, \"external_balance\": \"1.00\"}"},
    {"Till.Open", "{\"business\": \"LND\", \"number\": \"174223\", \"name\": \"x\", \"account\": 1141}"},
    {"Place.Define", "{\"business\": \"LND\", \"name\": \"Store room\"}"},
    {"Stock.Open", "{\"business\": \"LND\", \"lines\": [{\"item\": \"BEV001\", \"quantity\": \"1\", "
                   "\"unit_cost\": \"1.00\"}]}"},
    {"Stock.Adjust", "{\"business\": \"LND\", \"reason\": \"found\", \"lines\": [{\"item\": \"BEV001\", "
                     "\"quantity\": \"1\", \"unit_cost\": \"1.00\"}]}"},
    {"Stock.Count", "{\"business\": \"LND\", \"lines\": [{\"item\": \"BEV001\", \"counted\": \"0\"}]}"},
    {"Stock.Transfer",
     "{\"from_business\": \"WTR\", \"to_business\": \"LND\", \"lines\": [{\"item\": \"BEV001\", "
     "\"quantity\": \"1\"}]}"},
    {"Recipe.Define", "{\"business\": \"LND\", \"item\": \"GRN001\", \"lines\": [{\"item\": \"GRN002\"}]}"},
    {"Production.Record", "{\"business\": \"LND\", \"item\": \"W1L\", \"quantity\": \"1\"}"},
    {"Expense.Record", "{\"business\": \"LND\", \"category\": \"Other\", \"amount\": \"1.00\"}"},
    {"Expense.RecordPetty", "{\"business\": \"LND\", \"category\": \"Other\", \"amount\": \"1.00\"}"},
    {"Deposit.Record", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Withdrawal.Record", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Drawing.Record", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Contribution.Record", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Transfer.Record", "{\"business\": \"WTR\", \"to_business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Float.Give", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Float.Take", "{\"business\": \"LND\", \"amount\": \"1.00\"}"},
    {"Day.Open", "{\"business\": \"LND\", \"counted\": \"1.00\"}"},
    {"Day.Count", "{\"business\": \"LND\", \"counted\": \"1.00\"}"},
    {"Day.Close", "{\"business\": \"LND\", \"counted\": \"1.00\"}"},
    {"Day.Reopen", "{\"business\": \"LND\", \"reason\": \"x\"}"},
    {"Purchase.Record", "{\"business\": \"LND\", \"lines\": [{\"account\": 5210, \"amount\": \"1.00\"}]}"},
    {"Tax.Pay", "{\"debt\": \"excise\", \"business\": \"LND\"}"},
    {"Equipment.Depreciate", "{\"business\": \"LND\", \"month\": 202501}"},
    {"Equipment.Add",
     "{\"business\": \"LND\", \"code\": \"W1\", \"name\": \"Washer\", \"cost\": \"1.00\", \"months\": 1}"},
    {"Salary.Pay", "{\"business\": \"LND\", \"employee\": \"S-03\", \"gross\": \"1.00\"}"},
    {"Tax.AccrueExcise", "{\"business\": \"LND\", \"lines\": [{\"item\": \"W1L\", \"quantity\": \"1\"}]}"},
};
#define ATTEMPTS (sizeof attempts / sizeof attempts[0])

static bool attempted(const char *method)
{
    for (size_t i = 0; i < ATTEMPTS; i++)
        if (strcmp(attempts[i].method, method) == 0)
            return true;
    return false;
}

static void check_businesses(struct world *world)
{
    struct rights wtr = {.active = true};
    struct world_actor outsider = {.user = 4, .rights = &wtr};
    for (size_t i = 1; i < PERMISSIONS_MAX; i++)
        wtr.level[i] = PERMISSION_WRITE;
    wtr.may_read[0] = wtr.may_write[0] = 1u << 0 | 1u << 1; /* HQ and the first business, WTR */
    for (size_t i = 0; i < ATTEMPTS; i++)
        trouble += try_command(world, &outsider, attempts[i].method, attempts[i].json) ? 0 : 1;
    wtr.may_read[0] = UINT64_MAX; /* looking is not recording */
    for (size_t i = 0; i < ATTEMPTS; i++)
        if (strncmp(attempts[i].method, "Access.", 7) != 0)
            trouble += try_command(world, &outsider, attempts[i].method, attempts[i].json) ? 0 : 1;
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t i = 0; i < domain_capabilities[c]->method_count; i++) {
            const struct method *method = &domain_capabilities[c]->methods[i];
            if (method->kind == METHOD_COMMAND && names_business(method->request, 4) &&
                !attempted(method->name)) {
                printf("# %s names a business and is not tried here\n", method->name);
                trouble++;
            }
        }
}

/* ---- the page ---------------------------------------------------------------------------------------------------------- */

#define PAGE "docs/domain-people.md"
#define FIRST_REASON                                                                                         \
    90 /* of periods; those below are in docs/domain.md, those from the second on in docs/domain-trade.md */
#define TRADE_REASON 160

static void check_page(void)
{
    static char text[128 * 1024];
    static const char *const ours[] = {"people", "periods", "reconciliation"};
    FILE *file = fopen(PAGE, "r");
    size_t len = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    text[len] = '\0';
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t k = 0; k < sizeof ours / sizeof ours[0]; k++)
            for (size_t i = 0; i < domain_capabilities[c]->method_count; i++) {
                const char *name = domain_capabilities[c]->methods[i].name;
                if (strcmp(domain_capabilities[c]->name, ours[k]) != 0 || strstr(text, name) != NULL)
                    continue;
                printf("# " PAGE " does not name %s\n", name);
                trouble++;
            }
    for (unsigned i = 0; i < daftari__v1__reason__descriptor.n_values; i++) {
        const ProtobufCEnumValue *reason = &daftari__v1__reason__descriptor.values[i];
        if (reason->value < FIRST_REASON || reason->value >= TRADE_REASON ||
            strstr(text, reason->name) != NULL)
            continue;
        printf("# " PAGE " does not name %s\n", reason->name);
        trouble++;
    }
}

static int verdict(const char *what)
{
    printf("%s - %s\n", trouble == 0 ? "ok" : "not ok", what);
    int bad = trouble != 0;
    trouble = 0;
    return bad;
}

static void open_books(struct world *world)
{
    struct world_actor server = {0};
    struct world_answer answer;
    world_set_day(world, 20250615);
    trouble += world_command_text(
                   world, &server, "internal.OpenBooks",
                   "{\"name\": \"Shop\", \"base_currency\": \"KES\", \"scale\": 2, "
                   "\"utc_offset_minutes\": 180, \"first\": \"2025-01-01\", \"fiscal_year_start\": 101}",
                   &answer)
                   ? 0
                   : 1;
}

int main(void)
{
    static struct table table;
    struct rights rights[ROLES];
    int bad = 0;
    struct world *world = world_new();
    if (!table_read("tests/model/permissions.txt", &table)) {
        printf("not ok - tests/model/permissions.txt cannot be read\n");
        return 1;
    }
    open_books(world);
    rights_by_role(world, rights);
    struct rights reader;
    struct world *other = world_new();
    open_books(other);
    rights_by_role(other, rights);
    reader_rights(other, &reader);
    world_free(other);
    compare_all(&table, rights, &reader);
    bad += verdict("roles, methods and reports are those of the table");
    check_default_deny(rights);
    bad += verdict("what is not given is denied");
    size_t changes;
    trouble += world_load(world, "data/kenya-three-businesses.jsonl", "Opening.", &changes) ? 0 : 1;
    trouble += world_load(world, "data/kenya-customers.jsonl", NULL, &changes) ? 0 : 1;
    check_businesses(world);
    bad += verdict("no command reaches a business that its user has no access to");
    check_page();
    bad += verdict(PAGE " names every method and reason");
    world_free(world);
    return bad;
}
