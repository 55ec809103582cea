/*
 * Document numbers: "JE-20261123-0001". Counted per series (prefix) and business date over all businesses, from 1,
 * without gaps; padded to four digits and longer past 9999. A refused command takes none; a reversed document keeps
 * its number.
 */
#ifndef SERVER_DOMAIN_KERNEL_NUMBERING_H
#define SERVER_DOMAIN_KERNEL_NUMBERING_H

#include "proto/base/date.h"
#include "proto/base/limits.h"
#include "server/ports/kv.h"

/* The number that the next document of this series and date gets. */
uint32_t number_next(struct kv_txn *state, uint16_t series, civil_date date);

/* False when there is no such series. */
bool number_format(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number,
                   char out[NUMBER_TEXT_MAX + 1]);

/* The parts of a document number; false when the text is none, or of a series that is not known. */
bool number_split(struct kv_txn *state, const char *text, uint16_t *out_series, civil_date *out_date,
                  uint32_t *out_number);
/* The position of the record that has this document number; false when the text is none or nothing has it. */
bool number_find(struct kv_txn *state, const char *text, uint64_t *out_position);

/* Kernel only: the number is taken. False when it is not the next one. */
bool number_take(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number, uint64_t position);

#endif
