/* Access to businesses, and client certificates. */
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"

#include "type_ids.h"

/* ---- access rows ------------------------------------------------------------------------------------------------- */

static struct row_key access_key(uint32_t user, uint16_t business)
{
    struct row_key key = row_key_u32(user);
    row_key_add_u16(&key, business);
    return key;
}

static uint8_t access_level(struct kv_txn *state, uint32_t user, uint16_t business)
{
    struct row_key key = access_key(user, business);
    struct slice value;
    return kv_get(state, TABLE_ACCESS, row_key_slice(&key), &value) && value.len == 1 ? value.ptr[0] : 0;
}

/* The business that a grant names: known, and the one who asks can see it. */
static enum status granted_business(const struct context *context, struct kv_txn *state, const char *code,
                                    uint16_t *out, struct fault *why)
{
    if (code == NULL || !business_find(state, code, out))
        return fault_refuse(why, REASON(BUSINESS_UNKNOWN), "business", "the code of a business");
    if (!rights_allow_business(context->rights, *out, PERMISSION_READ))
        return fault_set(why, STATUS_DENIED, "business", "you have no access to %s", code);
    return STATUS_OK;
}

/* One in force. */
static bool has_role(struct kv_txn *state, const struct user_row *user)
{
    struct byte_reader r = byte_reader_on(user->roles);
    size_t count = byte_get_u8(&r);
    for (size_t i = 0; i < count; i++) {
        struct role_row role;
        if (role_row_get(state, byte_get_u32(&r), &role) && (role.flags & ROLE_ACTIVE) != 0)
            return true;
    }
    return false;
}

static unsigned granted_level(const Daftari__V1__GrantAccess *grant)
{
    return grant->has_level ? (unsigned)grant->level : PERMISSION_READ;
}

enum status decide_access_grant(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__GrantAccess *request = (const Daftari__V1__GrantAccess *)command;
    struct user_row row;
    uint16_t business;
    unsigned level = granted_level(request);
    if (level < PERMISSION_READ || level > PERMISSION_ADMIN)
        return fault_set(why, STATUS_INVALID, "level",
                         "READ, WRITE or ADMIN; Access.Revoke takes access away");
    enum status status = granted_business(context, state, request->business, &business, why);
    if (status == STATUS_OK)
        status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if ((row.flags & USER_ACTIVE) == 0)
        return fault_refuse(why, REASON(USER_INACTIVE), "email", "reactivate this user first");
    if (!rights_allow_business(context->rights, business, (enum permission_level)level))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "level", "at most what you have in %s yourself",
                            request->business);
    if (!has_role(state, &row) && !rights_cover_reader(context->rights))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "email",
                            "who has no role may read sales, stock and reports by this, which you may not");
    if (access_level(state, row.user, business) == level) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    /* accepted */
    out->type = EVENT_ACCESS_GRANTED;
    out->business = business;
    return STATUS_OK;
}

void apply_access_granted(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    (void)arena;
    const Daftari__V1__GrantAccess *grant = (const Daftari__V1__GrantAccess *)payload;
    uint32_t user = user_by_email(state, grant->email);
    uint8_t level = (uint8_t)granted_level(grant);
    if (user == 0) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    struct row_key key = access_key(user, record->header.business);
    kv_put(state, TABLE_ACCESS, row_key_slice(&key), slice_of(&level, 1));
}

enum status decide_access_revoke(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RevokeAccess *request = (const Daftari__V1__RevokeAccess *)command;
    struct user_row row;
    uint16_t business;
    enum status status = granted_business(context, state, request->business, &business, why);
    if (status == STATUS_OK)
        status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if (access_level(state, row.user, business) == 0)
        return fault_refuse(why, REASON(ACCESS_UNKNOWN), "business",
                            "this user has no access of his own to %s", request->business);
    /* accepted */
    out->type = EVENT_ACCESS_REVOKED;
    out->business = business;
    return STATUS_OK;
}

void apply_access_revoked(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    (void)arena;
    uint32_t user = user_by_email(state, ((const Daftari__V1__RevokeAccess *)payload)->email);
    struct row_key key = access_key(user, record->header.business);
    kv_del(state, TABLE_ACCESS, row_key_slice(&key));
}

/* ---- certificates -------------------------------------------------------------------------------------------------- */

static enum status fingerprint_check(const ProtobufCBinaryData *fingerprint, struct fault *why)
{
    if (fingerprint->len != FINGERPRINT_BYTES)
        return fault_set(why, STATUS_INVALID, "fingerprint", "%u bytes: SHA-256 of the certificate in DER",
                         FINGERPRINT_BYTES);
    return STATUS_OK;
}

/* 0 = enrolled for nobody. */
static uint32_t certificate_user(struct kv_txn *state, const ProtobufCBinaryData *fingerprint)
{
    struct slice value;
    if (!kv_get(state, TABLE_CERTIFICATE, slice_of(fingerprint->data, fingerprint->len), &value) ||
        value.len < 4)
        return 0;
    return be32_get(value.ptr);
}

enum status decide_certificate_enroll(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__EnrollCertificate *request = (const Daftari__V1__EnrollCertificate *)command;
    struct user_row row;
    enum status status = fingerprint_check(&request->fingerprint, why);
    if (status == STATUS_OK)
        status = text_check(request->label, "label", LABEL_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if ((row.flags & USER_ACTIVE) == 0)
        return fault_refuse(why, REASON(USER_INACTIVE), "email", "reactivate this user first");
    if (certificate_user(state, &request->fingerprint) != 0)
        return fault_refuse(why, REASON(CERTIFICATE_EXISTS), "fingerprint",
                            "this certificate is enrolled already");
    /* accepted */
    out->type = EVENT_CERTIFICATE_ENROLLED;
    return STATUS_OK;
}

void apply_certificate_enrolled(struct kv_txn *state, const struct record *record,
                                const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    (void)arena;
    const Daftari__V1__EnrollCertificate *grant = (const Daftari__V1__EnrollCertificate *)payload;
    uint8_t row[4 + LABEL_TEXT_MAX];
    struct byte_writer w = byte_writer_on(row, sizeof row);
    byte_put_u32(&w, user_by_email(state, grant->email));
    if (grant->label != NULL)
        byte_put(&w, grant->label, strlen(grant->label));
    if (w.failed || grant->fingerprint.len != FINGERPRINT_BYTES)
        kv_set_error(state, STATUS_CORRUPT);
    else
        kv_put(state, TABLE_CERTIFICATE, slice_of(grant->fingerprint.data, grant->fingerprint.len),
               byte_written(&w));
}

enum status decide_certificate_revoke(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__RevokeCertificate *request = (const Daftari__V1__RevokeCertificate *)command;
    struct rights theirs;
    enum status status = fingerprint_check(&request->fingerprint, why);
    if (status != STATUS_OK)
        return status;
    uint32_t user = certificate_user(state, &request->fingerprint);
    if (user == 0)
        return fault_refuse(why, REASON(CERTIFICATE_UNKNOWN), "fingerprint",
                            "that of an enrolled certificate");
    rights_compute(state, user, &theirs);
    if (user != context->user && !rights_cover(context->rights, &theirs))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "fingerprint",
                            "its user has rights that you do not have");
    /* accepted */
    out->type = EVENT_CERTIFICATE_REVOKED;
    return STATUS_OK;
}

/* Sessions opened by certificate end with it: which of the user's certificates opened one is not recorded. */
void apply_certificate_revoked(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    (void)arena;
    const Daftari__V1__RevokeCertificate *request = (const Daftari__V1__RevokeCertificate *)payload;
    uint32_t user = certificate_user(state, &request->fingerprint);
    kv_del(state, TABLE_CERTIFICATE, slice_of(request->fingerprint.data, request->fingerprint.len));
    sessions_end(state, user, 0, true);
}
