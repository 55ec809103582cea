/* Random changes of users, roles, access, certificates and sessions: the directory that was told record by record, in
 * batches, answers like one freshly loaded, and like core state itself; the books never lose their last owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "business.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/people/rights.h"
#include "tests/support/door.h"
#include "tests/support/random.h"

#define USERS    12
#define TOKENS   40
#define CARDS    6
#define ROUNDS   300
#define IN_BATCH 8

static const char *const role_names[] = {"Owner", "Accountant", "Manager", "Cashier", "Auditor", "Own role"};
#define ROLE_COUNT (sizeof role_names / sizeof role_names[0])

struct run {
    struct door *door;
    struct random random;
    unsigned opened; /* sessions so far: token n is n in 32 bytes */
    unsigned taken;  /* commands that were accepted */
};

static char *email_of(unsigned user, char out[40])
{
    (void)snprintf(out, 40, "u%u@shop.example", user);
    return out;
}

static void token_make(unsigned n, uint8_t out[ACCESS_TOKEN_BYTES])
{
    memset(out, 0, ACCESS_TOKEN_BYTES);
    memcpy(out, &n, sizeof n);
}

static size_t below(struct run *run, uint64_t limit)
{
    return (size_t)random_below(&run->random, limit);
}

static void give(struct run *run, const char *method, const ProtobufCMessage *message)
{
    enum status status = door_command(run->door, method, message);
    assert_true(status == STATUS_OK || status == STATUS_REFUSED);
    run->taken += status == STATUS_OK;
}

static void change_user(struct run *run, char *email)
{
    static const char *const one_field[] = {"User.Deactivate", "User.Reactivate", "User.Unlock",
                                            "Sessions.Revoke"};
    size_t which = below(run, 6);
    if (which < 4) { /* these four messages have one field, the e-mail, of the same number */
        Daftari__V1__DeactivateUser request = DAFTARI__V1__DEACTIVATE_USER__INIT;
        request.email = email;
        give(run, one_field[which], &request.base);
    } else if (which == 4) {
        Daftari__V1__UserLocked lock = DAFTARI__V1__USER_LOCKED__INIT;
        lock.has_user = lock.has_failures = true;
        lock.user = 1 + (uint32_t)below(run, USERS);
        lock.failures = 10;
        give(run, "internal.LockUser", &lock.base);
    } else {
        char other[40];
        Daftari__V1__ChangeUser change = DAFTARI__V1__CHANGE_USER__INIT;
        change.email = email;
        change.new_email = email_of((unsigned)below(run, USERS), other);
        give(run, "User.Change", &change.base);
    }
}

static void change_rights(struct run *run, char *email)
{
    size_t which = below(run, 4);
    char *names[2] = {(char *)(uintptr_t)role_names[below(run, ROLE_COUNT)],
                      (char *)(uintptr_t)role_names[below(run, ROLE_COUNT)]};
    if (which == 0) {
        Daftari__V1__AssignRoles assign = DAFTARI__V1__ASSIGN_ROLES__INIT;
        assign.email = email;
        assign.roles = names;
        assign.n_roles = names[0] == names[1] ? 1 : below(run, 3);
        give(run, "User.AssignRoles", &assign.base);
    } else if (which == 1) {
        Daftari__V1__PermissionGrant grant = DAFTARI__V1__PERMISSION_GRANT__INIT, *grants[] = {&grant};
        Daftari__V1__DefineRole role = DAFTARI__V1__DEFINE_ROLE__INIT;
        grant.has_permission = grant.has_level = role.has_every_business = true;
        grant.permission = (Daftari__V1__Permission)(1 + below(run, 17));
        grant.level = (Daftari__V1__Level)(1 + below(run, 2));
        role.name = (char *)(uintptr_t)role_names[ROLE_COUNT - 1];
        role.every_business = below(run, 2) == 0;
        role.permissions = grants;
        role.n_permissions = 1;
        give(run, "Role.Define", &role.base);
    } else if (which == 2) {
        Daftari__V1__GrantAccess grant = DAFTARI__V1__GRANT_ACCESS__INIT;
        grant.email = email;
        grant.business = (char *)(uintptr_t)(below(run, 2) == 0 ? "HQ" : "WTR");
        grant.has_level = true;
        grant.level = (Daftari__V1__Level)(1 + below(run, 2));
        give(run, "Access.Grant", &grant.base);
    } else {
        Daftari__V1__RevokeAccess revoke = DAFTARI__V1__REVOKE_ACCESS__INIT;
        revoke.email = email;
        revoke.business = (char *)(uintptr_t)(below(run, 2) == 0 ? "HQ" : "WTR");
        give(run, "Access.Revoke", &revoke.base);
    }
}

static void change_proofs(struct run *run, char *email)
{
    size_t which = below(run, 5);
    uint8_t card[ACCESS_FINGERPRINT_BYTES] = {(uint8_t)(1 + below(run, CARDS))};
    if (which == 0) {
        Daftari__V1__EnrollCertificate enroll = DAFTARI__V1__ENROLL_CERTIFICATE__INIT;
        enroll.email = email;
        enroll.has_fingerprint = true;
        enroll.fingerprint = (ProtobufCBinaryData){.len = sizeof card, .data = card};
        give(run, "User.EnrollCertificate", &enroll.base);
    } else if (which == 1) {
        Daftari__V1__RevokeCertificate revoke = DAFTARI__V1__REVOKE_CERTIFICATE__INIT;
        revoke.has_fingerprint = true;
        revoke.fingerprint = (ProtobufCBinaryData){.len = sizeof card, .data = card};
        give(run, "User.RevokeCertificate", &revoke.base);
    } else if (which == 2) {
        Daftari__V1__PasswordSet change = DAFTARI__V1__PASSWORD_SET__INIT;
        change.has_user = true;
        change.user = 1 + (uint32_t)below(run, USERS);
        give(run, "internal.SetPassword", &change.base);
    } else if (run->opened < TOKENS) {
        uint8_t token[ACCESS_TOKEN_BYTES], digest[SECRET_DIGEST_BYTES];
        Daftari__V1__SessionOpened opened = DAFTARI__V1__SESSION_OPENED__INIT;
        token_make(run->opened++, token);
        secret_digest(slice_of(token, sizeof token), digest);
        opened.has_user = opened.has_token_hash = opened.has_expires_time_us = true;
        opened.user = 1 + (uint32_t)below(run, USERS);
        opened.token_hash = (ProtobufCBinaryData){.len = sizeof digest, .data = digest};
        opened.expires_time_us = INT64_MAX;
        give(run, "internal.OpenSession", &opened.base);
    }
}

static struct access *load_fresh(struct door *door)
{
    struct access_config config = {.clock = &door->clock.clock, .entropy = &door->entropy.entropy};
    struct access *fresh;
    struct kv_txn *txn;
    assert_int_equal(access_new(&config, &fresh, NULL), STATUS_OK);
    assert_int_equal(kv_begin(door->state, false, &txn), STATUS_OK);
    assert_int_equal(access_load(fresh, txn, NULL), STATUS_OK);
    kv_abort(txn);
    return fresh;
}

static void compare_users(struct run *run, struct access *fresh)
{
    struct kv_txn *txn;
    assert_int_equal(kv_begin(run->door->state, false, &txn), STATUS_OK);
    for (uint32_t user = 0; user <= USERS + 1; user++) {
        struct rights told, loaded, computed;
        struct access_user a, b;
        access_rights(run->door->access, user, &told);
        access_rights(fresh, user, &loaded);
        rights_compute(txn, user, &computed);
        assert_memory_equal(&told, &loaded, sizeof told);
        assert_memory_equal(&told, &computed, sizeof told);
        bool known = access_get_user(run->door->access, user, &a);
        assert_int_equal(known, access_get_user(fresh, user, &b));
        if (known) {
            assert_string_equal(a.email, b.email);
            assert_int_equal(a.locked, b.locked);
            assert_int_equal(a.active, b.active);
            assert_int_equal(a.has_password, b.has_password);
        }
    }
    kv_abort(txn);
}

static void compare_proofs(struct run *run, struct access *fresh)
{
    for (unsigned n = 0; n < TOKENS; n++) {
        struct access_session a = {0}, b = {0};
        static const struct actor nowhere; /* what it moves is handed out by no sweep here */
        uint8_t token[ACCESS_TOKEN_BYTES];
        token_make(n, token);
        enum status told =
            access_session_by_token(run->door->access, slice_of(token, sizeof token), &nowhere, &a);
        assert_int_equal(told, access_session_by_token(fresh, slice_of(token, sizeof token), &nowhere, &b));
        assert_int_equal(a.session, b.session);
        assert_int_equal(a.user, b.user);
    }
    for (unsigned n = 1; n <= CARDS; n++) {
        uint8_t card[ACCESS_FINGERPRINT_BYTES] = {(uint8_t)n};
        assert_int_equal(access_user_by_certificate(run->door->access, card),
                         access_user_by_certificate(fresh, card));
    }
}

/* Somebody holds the role Owner and is active: deactivation and other roles never take the last one. */
static void there_is_an_owner(struct run *run)
{
    bool found = false;
    for (uint32_t user = 1; user <= USERS && !found; user++) {
        struct rights rights;
        access_rights(run->door->access, user, &rights);
        found = rights.active &&
                rights.level[DAFTARI__V1__PERMISSION__MPESA_CREDENTIALS] == PERMISSION_WRITE &&
                rights.level[DAFTARI__V1__PERMISSION__USERS] == PERMISSION_WRITE;
    }
    assert_true(found);
}

static void told_equals_loaded(void **state)
{
    (void)state;
    struct run run = {.door = door_new(NULL), .random = random_start()};
    Daftari__V1__OpenBusiness water = DAFTARI__V1__OPEN_BUSINESS__INIT;
    water.code = (char *)(uintptr_t) "WTR";
    water.name = (char *)(uintptr_t) "Water";
    water.type = (char *)(uintptr_t) "water";
    assert_int_equal(door_command(run.door, "Business.Open", &water.base), STATUS_OK);
    for (unsigned user = 1; user < USERS; user++) {
        char email[40];
        const char *const roles[] = {role_names[user % (ROLE_COUNT - 1)], NULL};
        (void)door_add_user(run.door, email_of(user, email), roles);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        run.door->batching = true;
        for (size_t left = 1 + below(&run, IN_BATCH); left != 0; left--) {
            char email[40];
            size_t kind = below(&run, 3);
            (void)email_of((unsigned)below(&run, USERS), email);
            if (kind == 0)
                change_user(&run, email);
            else if (kind == 1)
                change_rights(&run, email);
            else
                change_proofs(&run, email);
        }
        door_end_batch(run.door);
        there_is_an_owner(&run);
        if (round % 10 == 9) {
            struct access *fresh = load_fresh(run.door);
            compare_users(&run, fresh);
            compare_proofs(&run, fresh);
            access_free(fresh);
        }
    }
    assert_true(run.taken > ROUNDS / 2);
    door_free(run.door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(told_equals_loaded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
