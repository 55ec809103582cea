/* What an auditor says of command ids: one that comes twice in a log, wherever the first one was; an index that lacks one,
 * has one too many, or leads elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bytes.h"
#include "server/base/id_index.h"
#include "server/base/kv_mem.h"
#include "server/store/folder.h"
#include "tests/support/scratch.h"
#include "tools/audit/verify_ids.h"

#define RECORDS UINT64_C(300000) /* more than an auditor keeps in memory */
#define STORED  UINT64_C(290000) /* where the index that is looked at ends */

static char folder[SCRATCH_PATH_MAX], text[8192];

static struct command_id id_of(uint64_t position)
{
    struct command_id id = {{0}};
    be64_put(id.bytes, position * UINT64_C(0x9E3779B97F4A7C15));
    be64_put(id.bytes + 8, position);
    if (position % 10 == 7) /* the server's own */
        id = (struct command_id){{0}};
    return id;
}

static void give(struct id_check *check, uint64_t position, struct command_id id,
                 struct verify_report *report)
{
    struct fault why = {0};
    struct record record = {.header = {.position = position, .command_id = id}};
    assert_int_equal(id_check_record(check, &record, report, &why), STATUS_OK);
}

static struct id_check *check_open(void)
{
    struct id_check *check;
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    assert_int_equal(folder_join(folder, "ids", path, &why), STATUS_OK);
    assert_int_equal(id_check_open(path, &check, &why), STATUS_OK);
    return check;
}

static void told(struct verify_report *report, uint64_t problems, const char *what)
{
    fflush(report->out);
    if (report->problems != problems || (what != NULL && strstr(text, what) == NULL))
        fail_msg("%llu problems, not %llu with \"%s\":\n%s", (unsigned long long)report->problems,
                 (unsigned long long)problems, what != NULL ? what : "", text);
}

static struct verify_report report_new(void)
{
    struct verify_report report = {.out = fmemopen(text, sizeof text, "w")};
    assert_non_null(report.out);
    return report;
}

static void an_id_that_comes_twice_is_told(void **state)
{
    (void)state;
    struct verify_report report = report_new();
    struct id_check *check = check_open();
    for (uint64_t position = 1; position <= RECORDS; position++)
        give(check, position, id_of(position), &report);
    told(&report, 0, NULL);
    give(check, RECORDS + 1, id_of(3), &report);
    told(&report, 1, "that of record 3");
    give(check, RECORDS + 2, id_of(RECORDS), &report);
    told(&report, 2, "that of record 300000");
    id_check_close(check);
    fclose(report.out);
}

enum wrong { RIGHT, LACKS_ONE, HAS_ONE_MORE, LEADS_ELSEWHERE, RUBBISH };

/* The index stays open, since it owns its store. */
static struct id_index *index_with(enum wrong wrong, struct kv **out)
{
    struct fault why = {0};
    struct id_index *index;
    struct kv *kv = kv_mem_new(id_index_tables, ID_INDEX_TABLE_COUNT);
    struct id_index_config config = {
        .memory_entries = 40000, .batch_entries_max = 1000, .filter_bytes_max = 1u << 20};
    assert_int_equal(id_index_open(kv, &config, &index, &why), STATUS_OK);
    for (uint64_t position = 1; position <= STORED; position++) {
        struct command_id id = id_of(position);
        bool twist = position == STORED / 2;
        if (twist && wrong == HAS_ONE_MORE)
            id_index_add(index, &(struct command_id){{1, 2, 3}}, position);
        if (!command_id_is_zero(&id) && !(twist && wrong == LACKS_ONE))
            id_index_add(index, &id, position - (twist && wrong == LEADS_ELSEWHERE));
        if (position % 1000 == 0)
            assert_int_equal(id_index_mark(index, &(struct id_cursor){.position = position}), STATUS_OK);
    }
    assert_int_equal(id_index_flush(index), STATUS_OK);
    if (wrong == RUBBISH) {
        struct kv_txn *txn;
        assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
        kv_put(txn, 1, slice_text("index"), slice_text("?"));
        assert_int_equal(kv_commit(txn), STATUS_OK);
    }
    *out = kv;
    return index;
}

static void an_index_that_differs_is_told(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "is missing", "is the id of no record", "leads to another",
                                        "cannot be read"};
    for (enum wrong wrong = RIGHT; wrong <= RUBBISH; wrong++) {
        struct verify_report report = report_new();
        struct id_check *check = check_open();
        struct fault why = {0};
        struct kv_txn *txn;
        struct kv *kv;
        struct id_index *index = index_with(wrong, &kv);
        for (uint64_t position = 1; position <= RECORDS; position++)
            give(check, position, id_of(position), &report);
        assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
        enum status status = id_check_compare(check, txn, &report, &why);
        if (wrong == RUBBISH) { /* for whoever asks to say, with why the store did not open it */
            assert_int_equal(status, STATUS_CORRUPT);
            assert_non_null(strstr(why.text, texts[wrong]));
            told(&report, 0, NULL);
        } else {
            assert_int_equal(status, STATUS_OK);
            told(&report, wrong == RIGHT ? 0 : 1, texts[wrong]);
        }
        kv_abort(txn);
        id_index_close(index);
        id_check_close(check);
        fclose(report.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_comes_twice_is_told),
        cmocka_unit_test(an_index_that_differs_is_told),
    };
    scratch_make(folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove(folder);
    return failed;
}
