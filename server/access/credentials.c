/* User.Create and User.SetPassword: the password is turned into a salted hash here and goes no further. */
#include "people.pb-c.h"
#include "reason.pb-c.h"
#include "server/access/worker.h"
#include "server/domain/people/user_row.h"

#define REASON(name) DAFTARI__V1__REASON__##name

static enum status password_check(const char *password, const char *field, struct fault *why)
{
    size_t len = password != NULL ? strlen(password) : 0;
    if (len < PASSWORD_BYTES_MIN)
        return fault_refuse(why, REASON(PASSWORD_TOO_SHORT), field, "at least %u bytes", PASSWORD_BYTES_MIN);
    if (len > PASSWORD_BYTES_MAX)
        return fault_set(why, STATUS_INVALID, field, "at most %u bytes", PASSWORD_BYTES_MAX);
    return STATUS_OK;
}

/* Hashes under a fresh salt and wipes the password. */
static enum status hash_password(struct login *login, char *password, struct secret_verifier *out,
                                 struct fault *why)
{
    size_t len = strlen(password);
    enum status status = entropy_fill(login->config.entropy, out->salt, sizeof out->salt);
    if (status == STATUS_OK)
        status = secret_scrypt(slice_of(password, len), out->salt, out->hash);
    secret_wipe(password, len);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "the password cannot be hashed now");
    return STATUS_OK;
}

static ProtobufCBinaryData binary(uint8_t *bytes, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = bytes};
}

/* The request without its passwords, for telling a retry from another command: a retry cannot be told from one with
 * another password, and gets the first answer. */
static enum status digest_body(const ProtobufCMessage *cleared, struct arena *arena, struct slice *out,
                               struct fault *why)
{
    if (!message_pack(cleared, arena, out))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    return STATUS_OK;
}

/* ---- User.Create ------------------------------------------------------------------------------------------------------- */

static enum status create_user(struct login *login, struct errand *errand, size_t part,
                               Daftari__V1__CreateUser *request, struct fault *why)
{
    Daftari__V1__UserCreated created = DAFTARI__V1__USER_CREATED__INIT;
    struct secret_verifier verifier;
    struct slice digest;
    enum status status = password_check(request->password, "password", why);
    if (status == STATUS_OK)
        status = hash_password(login, request->password, &verifier, why);
    request->password = NULL;
    if (status == STATUS_OK)
        status = digest_body(&request->base, errand->item.arena, &digest, why);
    if (status != STATUS_OK)
        return status;
    created.email = request->email;
    created.first_name = request->first_name;
    created.last_name = request->last_name;
    created.phone = request->phone;
    created.n_roles = request->n_roles;
    created.roles = request->roles;
    created.has_password_salt = created.has_password_hash = true;
    created.password_salt = binary(verifier.salt, sizeof verifier.salt);
    created.password_hash = binary(verifier.hash, sizeof verifier.hash);
    return errand_add(errand, part, &created.base, digest, why);
}

/* ---- User.SetPassword ------------------------------------------------------------------------------------------------------ */

/* One's own present password, with the same care as at log-in. A user without one (he came by certificate) needs
 * none. */
static enum status old_password_check(struct login *login, const struct work_item *item,
                                      const struct access_user *self, char *password, struct fault *why)
{
    struct access *access = login->config.access;
    size_t len = password != NULL ? strlen(password) : 0;
    bool good = false;
    uint32_t failures;
    if (!self->has_password)
        return STATUS_OK;
    if (len > PASSWORD_BYTES_MAX)
        return fault_set(why, STATUS_INVALID, "old_password", "at most %u bytes", PASSWORD_BYTES_MAX);
    enum status status = access_try(access, self->email, &item->actor, why);
    if (status != STATUS_OK)
        return status;
    status = secret_check(slice_of(password, len), &self->verifier, &good);
    if (len != 0)
        secret_wipe(password, len);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "the password cannot be checked now");
    if (good) {
        access_try_passed(access, self->email, self->user, &item->actor);
        return STATUS_OK;
    }
    if (access_try_failed(access, self->user, &item->actor, "wrong old password", &failures))
        lock_user(login, self->user, failures);
    return fault_refuse(why, REASON(PASSWORD_WRONG), "old_password", "your present password");
}

/* Whose password: one's own, or that of the e-mail given for those who may change users. */
static enum status find_target(struct login *login, const struct work_item *item, const char *email,
                               struct access_user *out, struct fault *why)
{
    struct access *access = login->config.access;
    struct rights rights;
    char normal[EMAIL_TEXT_MAX + 1];
    if (!access_get_user(access, item->actor.user, out))
        return fault_set(why, STATUS_UNAUTHENTICATED, NULL, "log in first");
    if (email == NULL)
        return STATUS_OK;
    bool valid = email_normalise(email, normal);
    if (valid && strcmp(normal, out->email) == 0)
        return STATUS_OK;
    access_rights(access, item->actor.user, &rights);
    if (!rights_allow(&rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE))
        return fault_set(why, STATUS_DENIED, "email", "only your own password");
    if (!valid || !access_find_user(access, normal, out))
        return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
    return STATUS_OK;
}

static enum status set_password(struct login *login, struct errand *errand, size_t part,
                                Daftari__V1__SetPassword *request, struct fault *why)
{
    Daftari__V1__PasswordSet change = DAFTARI__V1__PASSWORD_SET__INIT;
    struct access_user target;
    struct secret_verifier verifier;
    struct slice digest;
    enum status status = password_check(request->new_password, "new_password", why);
    if (status == STATUS_OK)
        status = find_target(login, errand->outer, request->email, &target, why);
    if (status == STATUS_OK && target.user == errand->outer->actor.user)
        status = old_password_check(login, errand->outer, &target, request->old_password, why);
    if (status == STATUS_OK)
        status = hash_password(login, request->new_password, &verifier, why);
    request->old_password = request->new_password = NULL;
    if (status == STATUS_OK)
        status = digest_body(&request->base, errand->item.arena, &digest, why);
    if (status != STATUS_OK)
        return status;
    change.has_user = change.has_password_salt = change.has_password_hash = true;
    change.user = target.user;
    change.password_salt = binary(verifier.salt, sizeof verifier.salt);
    change.password_hash = binary(verifier.hash, sizeof verifier.hash);
    return errand_add(errand, part, &change.base, digest, why);
}

/* ---- both ---------------------------------------------------------------------------------------------------------------- */

void handle_credentials(struct login *login, struct work_item *item)
{
    struct fault fault = {0};
    bool creates = item->method->request == &daftari__v1__create_user__descriptor;
    struct errand *errand =
        errand_new(login, item, creates ? login->create_user : login->set_password, item->part_count);
    if (errand == NULL) {
        (void)fault_set(&fault, STATUS_NO_MEMORY, NULL, "the request is too large");
        item_fail(item, &fault);
        return;
    }
    for (size_t i = 0; i < item->part_count; i++) {
        struct work_part *part = &item->parts[i];
        ProtobufCMessage *message;
        memset(&fault, 0, sizeof fault);
        enum status status = part_unpack(item, part, &message, &fault);
        body_wipe(part);
        if (status == STATUS_OK && command_id_is_zero(&part->command_id))
            status =
                fault_set(&fault, STATUS_INVALID, "command_id", "16 bytes made by the client, not all zero");
        if (status == STATUS_OK)
            status = creates ? create_user(login, errand, i, (Daftari__V1__CreateUser *)message, &fault)
                             : set_password(login, errand, i, (Daftari__V1__SetPassword *)message, &fault);
        if (status != STATUS_OK)
            part_fail(item, part, &fault);
    }
    errand_send(errand);
}
