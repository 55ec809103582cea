/*
 * The rows of people in core state and in the masters view. Pure.
 *
 *   TABLE_USER         u32 user -> u8 flags, u8 roles, each role as u32 number; then UserCreated as it stands now (its
 *                      roles and owner fields included)
 *   TABLE_USER_EMAIL   normalised e-mail -> u32 user
 *   TABLE_ROLE         u32 number -> u8 flags, PERMISSIONS_MAX bytes of levels, then RoleInfo
 *   TABLE_ROLE_NAME    name -> u32 number
 *   TABLE_ACCESS       u32 user, u16 business -> u8 level
 *   TABLE_CERTIFICATE  32-byte fingerprint -> u32 user, then label
 *   TABLE_SESSION      u64 position of SessionOpened -> u32 user, u64 time opened, then SessionOpened with the address,
 *                      agent and device of the last SessionUsedFrom; open sessions only: a closed one loses its row
 *                      (the audit view keeps its history)
 *
 * The fixed heads repeat what rights need, so that rights are computed without unpacking messages.
 */
#ifndef SERVER_DOMAIN_PEOPLE_USER_ROW_H
#define SERVER_DOMAIN_PEOPLE_USER_ROW_H

#include "people.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/people/rights.h"

#define ROLES_PER_USER_MAX 16u
#define ROLE_NAME_MAX      100u /* bytes */
#define PERSON_NAME_MAX    150u /* bytes of a first or last name (catalogue 2.1) */
#define LABEL_TEXT_MAX     100u
#define FINGERPRINT_BYTES  32u
#define OWNER_ROLE         "Owner"

enum user_flags { USER_ACTIVE = 1, USER_LOCKED = 2, USER_OWNER = 4 };
enum role_flags { ROLE_ACTIVE = 1, ROLE_EVERY_BUSINESS = 2, ROLE_BUILT_IN = 4 };

/* ---- users ----------------------------------------------------------------------------------------------------- */

/* A row as read: borrowed from state. */
struct user_row {
    uint32_t user;
    uint8_t flags;
    struct slice roles; /* count and numbers */
    struct slice info;  /* UserCreated */
};
bool user_row_get(struct kv_txn *state, uint32_t user, struct user_row *out);
bool user_row_parse(struct slice value, struct user_row *out); /* all but `user`; false when malformed */
void user_row_put(struct kv_txn *state, uint32_t user, uint8_t flags, Daftari__V1__UserCreated *info,
                  struct arena *arena); /* sets USER_OWNER and info->owner by the roles */
Daftari__V1__UserCreated *user_row_info(struct kv_txn *state, const struct user_row *row,
                                        struct arena *arena);

/* "Jane.Doe@Shop.Example" -> "Jane.Doe@shop.example": the domain part is lowered. False: not an address. */
bool email_normalise(const char *email, char out[EMAIL_TEXT_MAX + 1]) MUST_USE;
/* 0 when nobody has it (or it is not an address). */
uint32_t user_by_email(struct kv_txn *state, const char *email);
/* E-mail of a user, in the arena; NULL when unknown. */
const char *user_email(struct kv_txn *state, uint32_t user, struct arena *arena);

bool phone_valid(const char *phone); /* E.164: plus and 8 to 15 digits; "" is none and fine */

/* Is there an active owner who is not locked, apart from `user`? */
bool owner_besides(struct kv_txn *state, uint32_t user);

/* ---- roles ----------------------------------------------------------------------------------------------------- */

struct role_row {
    uint32_t number;
    uint8_t flags;
    struct slice levels; /* PERMISSIONS_MAX bytes */
    struct slice info;   /* RoleInfo */
};
uint32_t role_find(struct kv_txn *state, const char *name); /* 0 = no such role */
bool role_row_get(struct kv_txn *state, uint32_t number, struct role_row *out);
bool role_row_parse(struct slice value, struct role_row *out); /* all but `number` */
/* A new role gets the next number. */
void role_row_put(struct kv_txn *state, Daftari__V1__RoleInfo *info, struct arena *arena);

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

struct session_row {
    uint64_t session;
    uint32_t user;
    timestamp_us opened;
    struct slice info; /* SessionOpened */
};
/* "192.0.2.7:51200" -> "192.0.2.7", "[2001:db8::7]:51200" -> "2001:db8::7"; what has no port stays. Cut when too long. */
#define SESSION_HOST_MAX 64u
void session_host(const char *address, char out[SESSION_HOST_MAX]);
bool session_row_get(struct kv_txn *state, uint64_t session, struct session_row *out);
bool session_row_parse(struct slice key, struct slice value, struct session_row *out);

/* ---- help for deciders ------------------------------------------------------------------------------------------- */

/* Packs into the arena; an empty slice and false when memory is short. */
bool message_pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out) MUST_USE;
/* A checked text field: at most `max` bytes, present and not empty when `needed`. */
enum status text_check(const char *text, const char *field, size_t max, bool needed,
                       struct fault *why) MUST_USE;

#endif
