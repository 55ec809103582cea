#include "tools/audit/books.h"

#include <stdlib.h>

#include "server/base/kv_mem.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tables.h"

struct books {
    struct kv *kv;
    struct arena *arena;
};

struct books *books_new(void)
{
    struct books *books = calloc(1, sizeof *books);
    if (books == NULL)
        return NULL;
    books->kv = kv_mem_new(domain_tables, domain_table_count);
    books->arena = arena_new(DOMAIN_APPLY_BYTES_MAX);
    if (books->kv == NULL || books->arena == NULL) {
        books_free(books);
        return NULL;
    }
    return books;
}

void books_free(struct books *books)
{
    if (books == NULL)
        return;
    kv_close(books->kv);
    arena_free(books->arena);
    free(books);
}

enum status books_apply(struct books *books, const struct record *record, struct fault *why)
{
    struct kv_txn *txn;
    enum status status = kv_begin(books->kv, true, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "no memory for the books' names");
    arena_reset(books->arena);
    domain_apply_master(txn, record, books->arena);
    status = kv_error(txn) != STATUS_OK ? kv_error(txn) : STATUS_OK;
    if (status != STATUS_OK) {
        kv_abort(txn);
        return fault_set(why, status, NULL, "record %llu does not fit the books",
                         (unsigned long long)record->header.position);
    }
    return kv_commit(txn);
}

/* A read transaction for one look-up; NULL when memory is short. */
static struct kv_txn *look(struct books *books)
{
    struct kv_txn *txn;
    return kv_begin(books->kv, false, &txn) == STATUS_OK ? txn : NULL;
}

Daftari__V1__AccountInfo *books_account(struct books *books, uint32_t number, struct arena *arena)
{
    struct kv_txn *txn = look(books);
    Daftari__V1__AccountInfo *info = txn != NULL ? account_info_get(txn, number, arena) : NULL;
    kv_abort(txn);
    return info;
}

Daftari__V1__CurrencyInfo *books_currency(struct books *books, uint16_t number, struct arena *arena)
{
    struct kv_txn *txn = look(books);
    Daftari__V1__CurrencyInfo *info = txn != NULL ? currency_info_get(txn, number, arena) : NULL;
    kv_abort(txn);
    return info;
}

Daftari__V1__BusinessInfo *books_business(struct books *books, uint16_t number, struct arena *arena)
{
    struct kv_txn *txn = look(books);
    Daftari__V1__BusinessInfo *info = txn != NULL ? business_info_get(txn, number, arena) : NULL;
    kv_abort(txn);
    return info;
}

void books_number(struct books *books, const struct record_header *header, char out[BOOKS_NUMBER_MAX])
{
    struct kv_txn *txn = look(books);
    out[0] = '\0';
    if (txn != NULL && header->series != 0 &&
        !number_format(txn, header->series, header->business_date, header->number, out))
        out[0] = '\0';
    kv_abort(txn);
}

Daftari__V1__PostEntry *books_pending_entry(struct books *books, uint64_t position, struct arena *arena)
{
    struct kv_txn *txn = look(books);
    if (txn == NULL)
        return NULL;
    struct row_key key = row_key_u64(position);
    Daftari__V1__PostEntry *entry = NULL;
    Daftari__V1__DraftInfo *draft =
        row_get_message(txn, TABLE_DRAFT, row_key_slice(&key), &daftari__v1__draft_info__descriptor, arena);
    if (draft != NULL)
        entry = draft->entry;
    Daftari__V1__AdjustmentInfo *adjustment = row_get_message(
        txn, TABLE_ADJUSTMENT, row_key_slice(&key), &daftari__v1__adjustment_info__descriptor, arena);
    if (adjustment != NULL)
        entry = adjustment->entry;
    kv_abort(txn);
    return entry;
}
