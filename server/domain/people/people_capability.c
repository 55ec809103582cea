/* The capability's tables: methods with what they need, record types with what applies them. */
#include "server/domain/capabilities.h"
#include "server/domain/people/parts.h"

#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = needs, .level = PERMISSION_WRITE,      \
        .decide = what                                                                                       \
    }
#define INTERNAL(method, message, what)                                                                      \
    {                                                                                                        \
        .name = method, .kind = METHOD_INTERNAL, .request = &daftari__v1__##message##__descriptor,           \
        .response = &daftari__v1__recorded__descriptor, .decide = what                                       \
    }
#define ACCESS(method, message, answer, needs)                                                               \
    {                                                                                                        \
        .name = method, .kind = METHOD_ACCESS, .request = &daftari__v1__##message##__descriptor,             \
        .response = &daftari__v1__##answer##__descriptor, .permission = needs, .level = PERMISSION_WRITE     \
    }
#define LIST(method, message, answer, needs, what)                                                           \
    {                                                                                                        \
        .name = method, .kind = METHOD_QUERY, .streams = true,                                               \
        .request = &daftari__v1__##message##__descriptor, .response = &daftari__v1__##answer##__descriptor,  \
        .permission = needs, .level = PERMISSION_READ, .query = what                                         \
    }

#define USERS DAFTARI__V1__PERMISSION__USERS
#define ANY   0 /* every user; the function itself looks at whose it is */

static const struct method methods[] = {
    COMMAND("Access.Grant", grant_access, USERS, decide_access_grant),
    LIST("Access.List", list_access, access_info, USERS, query_access),
    COMMAND("Access.Revoke", revoke_access, USERS, decide_access_revoke),
    ACCESS("Login.LogIn", log_in, session, ANY),
    ACCESS("Login.LogOut", log_out, recorded, ANY),
    ACCESS("Login.WhoAmI", who_am_i, identity, ANY),
    COMMAND("Role.Deactivate", deactivate_role, USERS, decide_role_deactivate),
    COMMAND("Role.Define", define_role, USERS, decide_role_define),
    LIST("Role.List", list_roles, role_info, USERS, query_roles),
    COMMAND("Sessions.Close", close_session, ANY, decide_session_close),
    LIST("Sessions.List", list_sessions, session_info, ANY, query_sessions),
    COMMAND("Sessions.Revoke", revoke_sessions, ANY, decide_sessions_revoke),
    COMMAND("User.AssignRoles", assign_roles, USERS, decide_roles_assign),
    COMMAND("User.Change", change_user, USERS, decide_user_change),
    ACCESS("User.Create", create_user, recorded, USERS),
    COMMAND("User.Deactivate", deactivate_user, USERS, decide_user_deactivate),
    COMMAND("User.EnrollCertificate", enroll_certificate, USERS, decide_certificate_enroll),
    LIST("User.List", list_users, user_info, USERS, query_users),
    COMMAND("User.Reactivate", reactivate_user, USERS, decide_user_reactivate),
    COMMAND("User.RevokeCertificate", revoke_certificate, USERS, decide_certificate_revoke),
    ACCESS("User.SetPassword", set_password, recorded, ANY),
    COMMAND("User.Unlock", unlock_user, USERS, decide_user_unlock),
    INTERNAL("internal.CloseSession", close_session, decide_session_close),
    INTERNAL("internal.CreateUser", user_created, decide_user_create),
    INTERNAL("internal.DefineRole", define_role, decide_role_define_built_in),
    INTERNAL("internal.LockUser", user_locked, decide_user_lock),
    INTERNAL("internal.OpenSession", session_opened, decide_session_open),
    INTERNAL("internal.RecordExport", data_exported, decide_data_exported),
    INTERNAL("internal.RefuseAccess", access_refused, decide_access_refused),
    INTERNAL("internal.RefuseLogins", logins_refused, decide_logins_refused),
    INTERNAL("internal.SetPassword", password_set, decide_password_set),
    INTERNAL("internal.UseSession", session_used_from, decide_session_used),
};

#define EVENT(number, event, message, what)                                                                  \
    {                                                                                                        \
        .type = number, .name = event, .payload = &daftari__v1__##message##__descriptor, .apply = what,      \
        .master = true                                                                                       \
    }

static const struct event_type events[] = {
    EVENT(EVENT_USER_CREATED, "UserCreated", user_created, apply_user_created),
    EVENT(EVENT_USER_CHANGED, "UserChanged", change_user, apply_user_changed),
    EVENT(EVENT_PASSWORD_SET, "PasswordSet", password_set, apply_password_set),
    EVENT(EVENT_USER_DEACTIVATED, "UserDeactivated", deactivate_user, apply_user_deactivated),
    EVENT(EVENT_USER_REACTIVATED, "UserReactivated", reactivate_user, apply_user_reactivated),
    EVENT(EVENT_ROLES_ASSIGNED, "RolesAssigned", assign_roles, apply_roles_assigned),
    EVENT(EVENT_USER_LOCKED, "UserLocked", user_locked, apply_user_locked),
    EVENT(EVENT_USER_UNLOCKED, "UserUnlocked", unlock_user, apply_user_unlocked),
    EVENT(EVENT_CERTIFICATE_ENROLLED, "CertificateEnrolled", enroll_certificate, apply_certificate_enrolled),
    EVENT(EVENT_CERTIFICATE_REVOKED, "CertificateRevoked", revoke_certificate, apply_certificate_revoked),
    EVENT(EVENT_ROLE_DEFINED, "RoleDefined", define_role, apply_role_defined),
    EVENT(EVENT_ROLE_DEACTIVATED, "RoleDeactivated", deactivate_role, apply_role_deactivated),
    EVENT(EVENT_ACCESS_GRANTED, "AccessGranted", grant_access, apply_access_granted),
    EVENT(EVENT_ACCESS_REVOKED, "AccessRevoked", revoke_access, apply_access_revoked),
    EVENT(EVENT_SESSION_OPENED, "SessionOpened", session_opened, apply_session_opened),
    EVENT(EVENT_SESSION_CLOSED, "SessionClosed", close_session, apply_session_closed),
    EVENT(EVENT_SESSIONS_REVOKED, "SessionsRevoked", revoke_sessions, apply_sessions_revoked),
    {.type = EVENT_LOGINS_REFUSED,
     .name = "LoginsRefused",
     .payload = &daftari__v1__logins_refused__descriptor},
    {.type = EVENT_ACCESS_REFUSED,
     .name = "AccessRefused",
     .payload = &daftari__v1__access_refused__descriptor},
    {.type = EVENT_DATA_EXPORTED, .name = "DataExported", .payload = &daftari__v1__data_exported__descriptor},
    EVENT(EVENT_SESSION_USED_FROM, "SessionUsedFrom", session_used_from, apply_session_used),
};

const struct capability capability_people = {
    .name = "people",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
