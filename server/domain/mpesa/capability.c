/* The capability `mpesa`. */
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/mpesa/mpesa.h"
#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = DAFTARI__V1__PERMISSION__##needs,      \
        .level = PERMISSION_WRITE, .decide = what                                                            \
    }
#define QUERY(method, message, answer, what)                                                                 \
    {                                                                                                        \
        .name = method, .kind = METHOD_QUERY, .streams = true,                                               \
        .request = &daftari__v1__##message##__descriptor, .response = &daftari__v1__##answer##__descriptor,  \
        .permission = DAFTARI__V1__PERMISSION__SALES, .level = PERMISSION_READ, .query = what                \
    }

static const struct method methods[] = {
    COMMAND("Mpesa.Callback", callback_mpesa, RECONCILE, mpesa_decide_callback),
    COMMAND("Mpesa.Charge", tell_mpesa, RECONCILE, mpesa_decide_charge),
    COMMAND("Mpesa.Confirm", tell_mpesa, RECONCILE, mpesa_decide_confirm),
    QUERY("Mpesa.List", list_mpesa, mpesa_info, mpesa_query_list),
    COMMAND("Mpesa.Match", match_mpesa, RECONCILE, mpesa_decide_match),
    COMMAND("Mpesa.PayOut", tell_mpesa, RECONCILE, mpesa_decide_pay_out),
    COMMAND("Mpesa.Request", request_mpesa, SALES, mpesa_decide_request),
    QUERY("Mpesa.Requests", list_mpesa_requests, mpesa_request_info, mpesa_query_requests),
    COMMAND("Mpesa.Reverse", tell_mpesa, RECONCILE, mpesa_decide_reverse),
    COMMAND("Mpesa.Settle", tell_mpesa, RECONCILE, mpesa_decide_settle),
    COMMAND("Mpesa.Unmatch", unmatch_mpesa, RECONCILE, mpesa_decide_unmatch),
};

#define EVENT(number, event, message, what, ...)                                                             \
    {                                                                                                        \
        .type = number, .name = event, .payload = &daftari__v1__##message##__descriptor, .apply = what,      \
        .master = true, __VA_ARGS__                                                                          \
    }

static const struct event_type events[] = {
    EVENT(EVENT_MPESA_CONFIRMED, "MpesaConfirmed", mpesa_told, mpesa_apply_money, .undo = UNDO_OWN_WAY,
          .undo_how = "unmatch the receipt; its money is taken back by M-Pesa alone", .entry_type = "PAY",
          .title = "M-Pesa payment", .allocated = mpesa_allocated_told),
    EVENT(EVENT_MPESA_PAID_OUT, "MpesaPaidOut", mpesa_told, mpesa_apply_money, .undo = UNDO_OWN_WAY,
          .undo_how = "unmatch the receipt; its money is given back by M-Pesa alone", .entry_type = "PAY",
          .title = "M-Pesa pay-out"),
    EVENT(EVENT_MPESA_CHARGED, "MpesaCharged", mpesa_told, mpesa_apply_charge, .undo = UNDO_OWN_WAY,
          .undo_how = "post an entry when the operator pays the charge back", .entry_type = "EXP",
          .title = "M-Pesa charge"),
    EVENT(EVENT_MPESA_SETTLED, "MpesaSettled", mpesa_told, mpesa_apply_settled, .undo = UNDO_OWN_WAY,
          .undo_how = "post an entry when the bank did not get the money", .entry_type = "DEP",
          .title = "M-Pesa to bank"),
    EVENT(EVENT_MPESA_REVERSED, "MpesaReversed", mpesa_told, mpesa_apply_reversed, .undo = UNDO_OWN_WAY,
          .undo_how = "nothing undoes what M-Pesa took back: the customer pays again", .entry_type = "REV",
          .title = "M-Pesa reversal"),
    EVENT(EVENT_MPESA_REQUESTED, "MpesaRequested", request_mpesa, mpesa_apply_requested,
          .undo = UNDO_BY_REVERSAL),
    EVENT(EVENT_MPESA_FAILED, "MpesaFailed", callback_mpesa, mpesa_apply_failed, .undo = UNDO_BY_REVERSAL),
    EVENT(EVENT_MPESA_MATCHED, "MpesaMatched", mpesa_matched, mpesa_apply_matched, .undo = UNDO_OWN_WAY,
          .undo_how = "unmatch the receipt", .entry_type = "PAY", .title = "M-Pesa receipt matched",
          .allocated = mpesa_allocated_matched),
    EVENT(EVENT_MPESA_UNMATCHED, "MpesaUnmatched", mpesa_unmatched, mpesa_apply_unmatched, .undo = UNDO_IS,
          .entry_type = "REV", .title = "M-Pesa receipt unmatched"),
};

const struct capability capability_mpesa = {
    .name = "mpesa",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
