/* The access directory and worker: who gets in, how often he may try, when it ends, what is recorded of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "people.pb-c.h"
#include "reason.pb-c.h"
#include "server/access/tally.h"
#include "server/access/throttle.h"
#include "tests/support/door.h"
#include "type_ids.h"

#define MINUTE INT64_C(60000000)

/* ---- parts -------------------------------------------------------------------------------------------------------------- */

static void throttle_counts_any_minute(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(4, 3);
    for (int64_t i = 0; i < 3; i++) {
        assert_true(throttle_may(throttle, 7, i * 1000));
        throttle_take(throttle, 7, i * 1000);
    }
    assert_false(throttle_may(throttle, 7, 3000));
    assert_false(throttle_may(throttle, 7, MINUTE - 1));
    assert_true(throttle_may(throttle, 7, MINUTE)); /* the first of them is a minute ago */
    throttle_take(throttle, 7, MINUTE);
    assert_false(throttle_may(throttle, 7, MINUTE + 500));
    throttle_give_back(throttle, 7);
    assert_true(throttle_may(throttle, 7, MINUTE + 500));
    throttle_free(throttle);
}

static void throttle_forgets_who_tried_longest_ago(void **state)
{
    (void)state;
    struct throttle *throttle = throttle_new(4, 1);
    for (uint64_t key = 1; key <= 5; key++)
        throttle_take(throttle, key, (int64_t)key * 1000);
    assert_true(throttle_may(throttle, 1, 6000)); /* forgotten for key 5 */
    for (uint64_t key = 2; key <= 5; key++)
        assert_false(throttle_may(throttle, key, 6000));
    throttle_free(throttle);
}

static void tally_is_bounded_and_loses_no_count(void **state)
{
    (void)state;
    static struct tally tally;
    struct access_event out[ACCESS_EVENTS_PER_MINUTE + 10];
    memset(&tally, 0, sizeof tally);
    for (unsigned i = 0; i < 3000; i++) {
        char host[32];
        (void)snprintf(host, sizeof host, "192.0.2.%u", i % 300);
        tally_add(&tally, 5 * MINUTE + i, i % 3 == 0 ? ACCESS_REFUSED : ACCESS_LOGINS_REFUSED, 0, 0, host,
                  "x");
    }
    assert_int_equal(tally_take(&tally, 5 * MINUTE + 5000, false, out, sizeof out / sizeof out[0]), 0);
    size_t count = tally_take(&tally, 6 * MINUTE, false, out, sizeof out / sizeof out[0]);
    assert_in_range(count, 3, ACCESS_EVENTS_PER_MINUTE);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += out[i].count;
    assert_int_equal(sum, 3000);
    assert_int_equal(tally_take(&tally, 9 * MINUTE, true, out, sizeof out / sizeof out[0]), 0);
}

/* ---- in and out --------------------------------------------------------------------------------------------------------- */

static const struct method *method(const char *name)
{
    const struct method *found = domain_method(slice_text(name));
    assert_non_null(found);
    return found;
}

static enum status may(struct door *door, const struct actor *actor, const char *name)
{
    struct fault why = {0};
    return access_may(door->access, actor, method(name), &why);
}

static void logs_in_and_out(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer in, answer;
    struct access_session session;
    (void)snprintf(door->leak, sizeof door->leak, "%s", DOOR_PASSWORD);
    assert_int_equal(may(door, &visitor, "Login.LogIn"), STATUS_OK);
    assert_int_equal(may(door, &visitor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    assert_int_equal(may(door, &visitor, "User.List"), STATUS_UNAUTHENTICATED);
    assert_int_equal(may(door, &visitor, "internal.CreateUser"), STATUS_UNKNOWN_METHOD);

    door_log_in(door, &visitor, "owner@EXAMPLE.com", DOOR_PASSWORD, &in); /* the domain part has no case */
    assert_int_equal(in.status, STATUS_OK);
    assert_true(in.actor_changed && in.has_token);
    assert_int_equal(in.actor.user, 1);
    assert_int_equal(in.actor.session, in.position);
    assert_int_equal(may(door, &in.actor, "User.List"), STATUS_OK);
    assert_int_equal(may(door, &in.actor, "internal.CreateUser"), STATUS_UNKNOWN_METHOD);
    assert_null(
        memmem(door->record, door->record_len, in.token, sizeof in.token)); /* only its digest is stored */

    assert_int_equal(
        access_session_by_token(door->access, slice_of(in.token, sizeof in.token), &visitor, &session),
        STATUS_OK);
    assert_int_equal(session.session, in.position);
    assert_int_equal(session.user, 1);
    assert_string_equal(session.email, DOOR_OWNER);
    for (size_t i = 0; i < sizeof in.token; i++) {
        uint8_t wrong[ACCESS_TOKEN_BYTES];
        memcpy(wrong, in.token, sizeof wrong);
        wrong[i] ^= 1;
        assert_int_equal(
            access_session_by_token(door->access, slice_of(wrong, sizeof wrong), &visitor, &session),
            STATUS_UNAUTHENTICATED);
    }
    assert_int_equal(access_session_by_token(door->access, slice_of(in.token, 31), &visitor, &session),
                     STATUS_UNAUTHENTICATED);
    assert_int_equal(access_session_by_token(door->access, slice_of(NULL, 0), &visitor, &session),
                     STATUS_UNAUTHENTICATED);

    Daftari__V1__WhoAmI who = DAFTARI__V1__WHO_AM_I__INIT;
    door_ask(door, &in.actor, "Login.WhoAmI", &who.base, &answer);
    Daftari__V1__Identity *identity = daftari__v1__identity__unpack(NULL, answer.body_len, answer.body);
    assert_non_null(identity);
    assert_string_equal(identity->email, DOOR_OWNER);
    assert_string_equal(identity->roles[0], "Owner");
    assert_int_equal(identity->session, in.position);
    assert_int_equal(identity->n_permissions, 17);
    assert_true(identity->every_business);
    daftari__v1__identity__free_unpacked(identity, NULL);

    Daftari__V1__LogOut out = DAFTARI__V1__LOG_OUT__INIT;
    door_ask(door, &in.actor, "Login.LogOut", &out.base, &answer);
    assert_int_equal(answer.status, STATUS_OK);
    assert_true(answer.actor_changed);
    assert_int_equal(answer.actor.user, 0);
    assert_int_equal(may(door, &in.actor, "User.List"), STATUS_UNAUTHENTICATED);
    assert_int_equal(
        access_session_by_token(door->access, slice_of(in.token, sizeof in.token), &visitor, &session),
        STATUS_UNAUTHENTICATED);
    assert_int_equal(door->counts[EVENT_SESSION_CLOSED], 1);
    assert_false(door->leaked);
    door_free(door);
}

static void unknown_and_wrong_look_the_same(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer wrong, unknown;
    door_log_in(door, &visitor, DOOR_OWNER, "not the password", &wrong);
    door_log_in(door, &visitor, "nobody@example.com", "not the password", &unknown);
    assert_int_equal(wrong.status, STATUS_UNAUTHENTICATED);
    assert_int_equal(unknown.status, STATUS_UNAUTHENTICATED);
    assert_string_equal(wrong.fault.text, unknown.fault.text);
    assert_string_equal(wrong.fault.field, unknown.fault.field);
    assert_int_equal(door->counts[EVENT_SESSION_OPENED], 0);
    door_free(door);
}

static void five_tries_a_minute_then_none(void **state)
{
    (void)state;
    struct access_config config = {.tries_per_minute = 2};
    struct door *door = door_new(&config);
    struct actor visitor = door_visitor("192.0.2.1:5000"), other = door_visitor("192.0.2.2:5000");
    struct door_answer answer;
    for (int i = 0; i < 2; i++)
        door_log_in(door, &visitor, DOOR_OWNER, "not the password", &answer);
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_UNAUTHENTICATED);
    assert_non_null(strstr(answer.fault.text, "too many tries"));
    door_log_in(door, &other, DOOR_OWNER, DOOR_PASSWORD, &answer); /* by user, wherever from */
    assert_non_null(strstr(answer.fault.text, "too many tries"));
    door_pass(door, 60);
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_OK);
    for (int i = 0; i < 4; i++) { /* what succeeds uses up no tries */
        door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &answer);
        assert_int_equal(answer.status, STATUS_OK);
    }
    door_free(door);
}

static void tries_are_counted_by_address_too(void **state)
{
    (void)state;
    struct access_config config = {.tries_per_minute_per_address = 2};
    struct door *door = door_new(&config);
    struct actor from = door_visitor("[2001:db8:1:2:aaaa::1]:5000"),
                 neighbour = door_visitor("[2001:db8:1:2:bbbb::2]:6000"),
                 elsewhere = door_visitor("[2001:db8:1:3::1]:5000");
    struct fault why;
    assert_int_equal(access_try(door->access, "a@example.com", &from, &why), STATUS_OK);
    assert_int_equal(access_try(door->access, "b@example.com", &neighbour, &why),
                     STATUS_OK); /* the same /64 */
    assert_int_equal(access_try(door->access, "c@example.com", &from, &why), STATUS_UNAUTHENTICATED);
    assert_int_equal(access_try(door->access, "c@example.com", &elsewhere, &why), STATUS_OK);
    door_free(door);
}

static void ten_failures_lock(void **state)
{
    (void)state;
    static const char *const roles[] = {"Cashier", NULL};
    struct access_config config = {.lock_after = 3};
    struct door *door = door_new(&config);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer owner, cashier, answer;
    uint32_t user = door_add_user(door, "cashier@example.com", roles);
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &owner);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &cashier);
    assert_int_equal(cashier.actor.user, user);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(door->counts[EVENT_USER_LOCKED], 0);
        door_log_in(door, &visitor, "cashier@example.com", "not the password", &answer);
        assert_int_equal(answer.status, STATUS_UNAUTHENTICATED);
    }
    assert_int_equal(door->counts[EVENT_USER_LOCKED], 1);
    door_pass(door, 61);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_UNAUTHENTICATED); /* the right one, but locked */
    assert_int_equal(door->counts[EVENT_USER_LOCKED], 1);
    assert_int_equal(may(door, &cashier.actor, "Login.WhoAmI"), STATUS_OK); /* the lock is on the password */

    Daftari__V1__UnlockUser unlock = DAFTARI__V1__UNLOCK_USER__INIT;
    unlock.email = (char *)(uintptr_t) "cashier@example.com";
    assert_int_equal(door_command_of(door, &owner.actor, "User.Unlock", &unlock.base, NULL), STATUS_OK);
    door_log_in(door, &visitor, "cashier@example.com", "not the password", &answer);
    assert_int_equal(door->counts[EVENT_USER_LOCKED], 1); /* counted from nothing again */
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_OK);
    door_free(door);
}

static void sessions_end_when_idle_and_when_old(void **state)
{
    (void)state;
    struct access_config config = {.idle_s = 100, .lifetime_s = 1000};
    struct door *door = door_new(&config);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer first, second;
    struct access_session session;
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &first);
    door_pass(door, 99);
    assert_int_equal(may(door, &first.actor, "User.List"), STATUS_OK); /* and used again */
    door_pass(door, 99);
    assert_int_equal(may(door, &first.actor, "User.List"), STATUS_OK);
    door_pass(door, 100);
    assert_int_equal(may(door, &first.actor, "User.List"), STATUS_UNAUTHENTICATED);
    assert_int_equal(
        access_session_by_token(door->access, slice_of(first.token, sizeof first.token), &visitor, &session),
        STATUS_UNAUTHENTICATED);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_CLOSED], 1);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_CLOSED], 1);

    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &second);
    for (int i = 0; i < 19; i++) {
        door_pass(door, 50);
        assert_int_equal(may(door, &second.actor, "User.List"), STATUS_OK);
    }
    door_pass(door, 50); /* used all the time, but a thousand seconds old */
    assert_int_equal(may(door, &second.actor, "User.List"), STATUS_UNAUTHENTICATED);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_CLOSED], 2);
    door_free(door);
}

/* ---- what changes, at once ------------------------------------------------------------------------------------------------ */

static void revocations_act_at_once(void **state)
{
    (void)state;
    static const char *const roles[] = {"Manager", NULL};
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer manager;
    struct rights rights;
    uint32_t user = door_add_user(door, "manager@example.com", roles);
    door_log_in(door, &visitor, "manager@example.com", DOOR_PASSWORD, &manager);
    assert_int_equal(may(door, &manager.actor, "Entry.Post"), STATUS_OK);
    assert_int_equal(may(door, &manager.actor, "User.List"), STATUS_OK);
    assert_int_equal(may(door, &manager.actor, "User.Unlock"), STATUS_DENIED);

    Daftari__V1__GrantAccess grant = DAFTARI__V1__GRANT_ACCESS__INIT;
    grant.email = (char *)(uintptr_t) "manager@example.com";
    grant.business = (char *)(uintptr_t) "HQ";
    grant.has_level = true;
    grant.level = DAFTARI__V1__LEVEL__READ;
    assert_int_equal(door_command(door, "Access.Grant", &grant.base), STATUS_OK);
    access_rights(door->access, user, &rights);
    assert_true(rights_allow_business(&rights, 0, PERMISSION_READ));
    assert_false(rights_allow_business(&rights, 0, PERMISSION_WRITE));
    assert_false(rights_allow_business(&rights, 1, PERMISSION_READ));

    char *cashier[] = {(char *)(uintptr_t) "Cashier"};
    Daftari__V1__AssignRoles assign = DAFTARI__V1__ASSIGN_ROLES__INIT;
    assign.email = (char *)(uintptr_t) "manager@example.com";
    assign.n_roles = 1;
    assign.roles = cashier;
    assert_int_equal(door_command(door, "User.AssignRoles", &assign.base), STATUS_OK);
    assert_int_equal(may(door, &manager.actor, "Entry.Post"), STATUS_DENIED);
    assert_int_equal(may(door, &manager.actor, "Login.WhoAmI"), STATUS_OK);

    Daftari__V1__DeactivateUser deactivate = DAFTARI__V1__DEACTIVATE_USER__INIT;
    deactivate.email = (char *)(uintptr_t) "manager@example.com";
    assert_int_equal(door_command(door, "User.Deactivate", &deactivate.base), STATUS_OK);
    assert_int_equal(may(door, &manager.actor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    access_rights(door->access, user, &rights);
    assert_false(rights_allow(&rights, 0, PERMISSION_READ));
    Daftari__V1__ReactivateUser reactivate = DAFTARI__V1__REACTIVATE_USER__INIT;
    reactivate.email = (char *)(uintptr_t) "manager@example.com";
    assert_int_equal(door_command(door, "User.Reactivate", &reactivate.base), STATUS_OK);
    assert_int_equal(may(door, &manager.actor, "Login.WhoAmI"),
                     STATUS_UNAUTHENTICATED); /* its session is gone */
    door_free(door);
}

static void sessions_are_revoked_together(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer one, two;
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &one);
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &two);
    Daftari__V1__RevokeSessions revoke = DAFTARI__V1__REVOKE_SESSIONS__INIT;
    assert_int_equal(door_command_of(door, &one.actor, "Sessions.Revoke", &revoke.base, NULL), STATUS_OK);
    assert_int_equal(may(door, &one.actor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    assert_int_equal(may(door, &two.actor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    door_free(door);
}

static void certificates_open_one_session_for_a_device(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000"), again = door_visitor("192.0.2.1:6000");
    struct door_answer first, second;
    uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES] = {1, 2, 3}, unknown[ACCESS_FINGERPRINT_BYTES] = {4};
    Daftari__V1__EnrollCertificate enroll = DAFTARI__V1__ENROLL_CERTIFICATE__INIT;
    enroll.email = (char *)(uintptr_t)DOOR_OWNER;
    enroll.has_fingerprint = true;
    enroll.fingerprint = (ProtobufCBinaryData){.len = sizeof fingerprint, .data = fingerprint};
    assert_int_equal(door_command(door, "User.EnrollCertificate", &enroll.base), STATUS_OK);
    door_show_certificate(door, &visitor, unknown, &first);
    assert_int_equal(first.status, STATUS_UNAUTHENTICATED);
    door_show_certificate(door, &visitor, fingerprint, &first);
    assert_int_equal(first.status, STATUS_OK);
    assert_false(first.has_token);
    assert_int_equal(first.actor.user, 1);
    door_show_certificate(door, &again, fingerprint, &second);
    assert_int_equal(second.actor.session, first.actor.session);
    assert_int_equal(door->counts[EVENT_SESSION_OPENED], 1);
    struct access_session session; /* a certificate is public: neither it nor its digest is a token */
    assert_int_equal(
        access_session_by_token(door->access, slice_of(fingerprint, sizeof fingerprint), &visitor, &session),
        STATUS_UNAUTHENTICATED);

    Daftari__V1__RevokeCertificate revoke = DAFTARI__V1__REVOKE_CERTIFICATE__INIT;
    revoke.has_fingerprint = true;
    revoke.fingerprint = enroll.fingerprint;
    assert_int_equal(door_command(door, "User.RevokeCertificate", &revoke.base), STATUS_OK);
    assert_int_equal(may(door, &first.actor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    door_show_certificate(door, &visitor, fingerprint, &second);
    assert_int_equal(second.status, STATUS_UNAUTHENTICATED);
    door_free(door);
}

/* ---- passwords ------------------------------------------------------------------------------------------------------------ */

static void set_password(struct door *door, const struct actor *actor, const char *email, const char *old,
                         const char *fresh, struct door_answer *out)
{
    Daftari__V1__SetPassword request = DAFTARI__V1__SET_PASSWORD__INIT;
    request.email = (char *)(uintptr_t)email;
    request.old_password = (char *)(uintptr_t)old;
    request.new_password = (char *)(uintptr_t)fresh;
    door_ask(door, actor, "User.SetPassword", &request.base, out);
}

static void passwords_are_set_with_care(void **state)
{
    (void)state;
    static const char *const roles[] = {"Cashier", NULL};
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer owner, one, two, answer;
    (void)snprintf(door->leak, sizeof door->leak, "a new password");
    (void)door_add_user(door, "cashier@example.com", roles);
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &owner);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &one);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &two);

    set_password(door, &one.actor, NULL, DOOR_PASSWORD, "short", &answer);
    assert_int_equal(answer.fault.reason, DAFTARI__V1__REASON__PASSWORD_TOO_SHORT);
    set_password(door, &one.actor, NULL, "not the password", "a new password", &answer);
    assert_int_equal(answer.fault.reason, DAFTARI__V1__REASON__PASSWORD_WRONG);
    set_password(door, &one.actor, DOOR_OWNER, NULL, "a new password", &answer);
    assert_int_equal(answer.status, STATUS_DENIED);
    assert_int_equal(door->counts[EVENT_PASSWORD_SET], 0);

    set_password(door, &one.actor, NULL, DOOR_PASSWORD, "a new password", &answer);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(may(door, &one.actor, "Login.WhoAmI"), STATUS_OK);
    assert_int_equal(may(door, &two.actor, "Login.WhoAmI"),
                     STATUS_UNAUTHENTICATED); /* every other session ends */
    door_log_in(door, &visitor, "cashier@example.com", "a new password", &answer);
    assert_int_equal(answer.status, STATUS_OK);
    set_password(door, &owner.actor, "cashier@example.com", NULL, "another password", &answer);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(may(door, &one.actor, "Login.WhoAmI"), STATUS_UNAUTHENTICATED);
    assert_false(door->leaked);
    door_free(door);
}

static void users_are_made_without_their_password_in_the_log(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer owner, answer;
    char *roles[] = {(char *)(uintptr_t) "Auditor"};
    (void)snprintf(door->leak, sizeof door->leak, "a secret of eight");
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &owner);
    Daftari__V1__CreateUser create = DAFTARI__V1__CREATE_USER__INIT;
    create.email = (char *)(uintptr_t) "auditor@Example.com";
    create.phone = (char *)(uintptr_t) "+254700000001";
    create.first_name = create.last_name = (char *)(uintptr_t) "A";
    create.n_roles = 1;
    create.roles = roles;
    door_ask(door, &owner.actor, "User.Create", &create.base, &answer);
    assert_int_equal(answer.fault.reason, DAFTARI__V1__REASON__PASSWORD_TOO_SHORT);
    create.password = (char *)(uintptr_t) "a secret of eight";
    door_ask(door, &owner.actor, "User.Create", &create.base, &answer);
    assert_int_equal(answer.status, STATUS_OK);
    door_ask(door, &owner.actor, "User.Create", &create.base, &answer);
    assert_int_equal(answer.fault.reason, DAFTARI__V1__REASON__USER_EXISTS);
    assert_false(door->leaked);
    door_log_in(door, &visitor, "auditor@example.com", "a secret of eight", &answer);
    assert_int_equal(answer.status, STATUS_OK);
    struct door_answer denied;
    create.email = (char *)(uintptr_t) "other@example.com";
    door_ask(door, &answer.actor, "User.Create", &create.base, &denied);
    assert_int_equal(denied.status, STATUS_DENIED);
    door_free(door);
}

/* ---- what is recorded of refusals -------------------------------------------------------------------------------------------- */

static void refusals_are_summed_up(void **state)
{
    (void)state;
    static const char *const roles[] = {"Cashier", NULL};
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer cashier, answer;
    struct fault why;
    unsigned tried = 0;
    (void)door_add_user(door, "cashier@example.com", roles);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &cashier);
    for (int i = 0; i < 40; i++)
        assert_int_equal(may(door, &cashier.actor, "User.List"), STATUS_DENIED);
    door_log_in(door, &visitor, DOOR_OWNER, "not the password", &answer);
    for (unsigned i = 0; i < 2000; i++) { /* a flood from many addresses, beyond their tries */
        char address[32];
        (void)snprintf(address, sizeof address, "10.1.%u.%u:1", i % 250, i / 250);
        struct actor from = door_visitor(address);
        tried += access_try(door->access, "flood@example.com", &from, &why) == STATUS_OK ? 1 : 0;
    }
    assert_int_equal(tried, 5);
    uint64_t before = door->position;
    login_sweep(door->login);
    assert_int_equal(door->position, before); /* this minute is not over */
    door_pass(door, 60);
    login_sweep(door->login);
    assert_int_equal(door->refused_access, 40);
    assert_int_equal(door->counts[EVENT_ACCESS_REFUSED], 1);
    assert_int_equal(door->refused_logins, 1 + 2000 - tried);
    assert_in_range(door->position - before, 3, ACCESS_EVENTS_PER_MINUTE);
    door_free(door);
}

static void a_busy_writer_is_said_so(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer answer;
    door->busy = true;
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_BUSY);
    assert_false(answer.actor_changed);
    door->busy = false;
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &answer);
    assert_int_equal(answer.status, STATUS_OK);
    door_free(door);
}

static void refusals_name_user_and_address(void **state)
{
    (void)state;
    static const char *const roles[] = {"Cashier", NULL};
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer cashier, answer;
    struct access_event events[8];
    unsigned seen = 0;
    uint32_t user = door_add_user(door, "cashier@example.com", roles);
    door_log_in(door, &visitor, "cashier@example.com", DOOR_PASSWORD, &cashier);
    (void)snprintf(cashier.actor.address, sizeof cashier.actor.address, "192.0.2.9:1");
    assert_int_equal(may(door, &cashier.actor, "User.List"), STATUS_DENIED);
    for (int i = 0; i < 7; i++)
        door_log_in(door, &visitor, "cashier@example.com", "not the password", &answer);
    size_t count = access_sweep(door->access, true, events, 8);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(events[i].user, user);
        bool denied = events[i].kind == ACCESS_REFUSED, many = strcmp(events[i].text, "too many tries") == 0;
        assert_string_equal(events[i].address, denied ? "192.0.2.9" : "192.0.2.1");
        assert_int_equal(events[i].count, denied ? 1 : many ? 2 : 5);
        seen |= denied ? 1u : many ? 2u : 4u;
    }
    assert_int_equal(seen, 7);
    door_free(door);
}

/* Reading writes no record by which it would be known; that the session was taken up elsewhere does. */
static void a_token_shown_from_elsewhere_is_on_record(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000"), again = door_visitor("192.0.2.1:5001");
    struct actor thief = door_visitor("[2001:db8::1]:5000");
    struct door_answer in;
    struct access_session session;
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &in);
    struct slice token = slice_of(in.token, sizeof in.token);
    assert_int_equal(access_session_by_token(door->access, token, &again, &session), STATUS_OK);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_USED_FROM], 0);
    for (int i = 0; i < 100; i++) { /* to and fro: one a minute */
        assert_int_equal(access_session_by_token(door->access, token, &thief, &session), STATUS_OK);
        assert_int_equal(access_session_by_token(door->access, token, &visitor, &session), STATUS_OK);
        login_sweep(door->login);
    }
    assert_int_equal(door->counts[EVENT_SESSION_USED_FROM], 1);
    assert_non_null(memmem(door->record, door->record_len, "2001:db8::1", 11));
    door_pass(door, 61);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_USED_FROM], 2); /* where it is now */
    assert_non_null(memmem(door->record, door->record_len, "192.0.2.1", 9));
    door_pass(door, 61);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_USED_FROM], 2);
    (void)snprintf(again.device, sizeof again.device, "phone");
    assert_int_equal(access_session_by_token(door->access, token, &again, &session), STATUS_OK);
    login_sweep(door->login);
    assert_int_equal(door->counts[EVENT_SESSION_USED_FROM], 3);
    assert_non_null(memmem(door->record, door->record_len, "phone", 5));
    door_free(door);
}

static void a_new_directory_knows_what_the_old_one_did(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer in;
    struct access *second;
    struct access_session session;
    struct kv_txn *txn;
    struct access_config config = {.clock = &door->clock.clock, .entropy = &door->entropy.entropy};
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &in);
    assert_int_equal(access_new(&config, &second, NULL), STATUS_OK);
    assert_int_equal(access_may(second, &in.actor, method("User.List"), NULL), STATUS_UNAUTHENTICATED);
    assert_int_equal(kv_begin(door->state, false, &txn), STATUS_OK);
    assert_int_equal(access_load(second, txn, NULL), STATUS_OK);
    kv_abort(txn);
    assert_int_equal(access_session_by_token(second, slice_of(in.token, sizeof in.token), &visitor, &session),
                     STATUS_OK);
    assert_int_equal(access_may(second, &in.actor, method("User.List"), NULL), STATUS_OK);
    access_free(second);
    door_free(door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttle_counts_any_minute),
        cmocka_unit_test(throttle_forgets_who_tried_longest_ago),
        cmocka_unit_test(tally_is_bounded_and_loses_no_count),
        cmocka_unit_test(logs_in_and_out),
        cmocka_unit_test(unknown_and_wrong_look_the_same),
        cmocka_unit_test(five_tries_a_minute_then_none),
        cmocka_unit_test(tries_are_counted_by_address_too),
        cmocka_unit_test(ten_failures_lock),
        cmocka_unit_test(sessions_end_when_idle_and_when_old),
        cmocka_unit_test(revocations_act_at_once),
        cmocka_unit_test(sessions_are_revoked_together),
        cmocka_unit_test(certificates_open_one_session_for_a_device),
        cmocka_unit_test(passwords_are_set_with_care),
        cmocka_unit_test(users_are_made_without_their_password_in_the_log),
        cmocka_unit_test(refusals_are_summed_up),
        cmocka_unit_test(a_busy_writer_is_said_so),
        cmocka_unit_test(refusals_name_user_and_address),
        cmocka_unit_test(a_token_shown_from_elsewhere_is_on_record),
        cmocka_unit_test(a_new_directory_knows_what_the_old_one_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
