/* What the directory summed up becomes records. */
#include "people.pb-c.h"
#include "server/access/worker.h"

#define SWEEP_EVENTS (ACCESS_EVENTS_PER_MINUTE + 190u)

/* The commands of one kind among the events. */
union sweep_command {
    Daftari__V1__LoginsRefused logins;
    Daftari__V1__AccessRefused access;
    Daftari__V1__CloseSession close;
    Daftari__V1__SessionUsedFrom used;
};

static const ProtobufCMessage *command_make(struct access_event *event, union sweep_command *out)
{
    switch (event->kind) {
    case ACCESS_LOGINS_REFUSED:
        daftari__v1__logins_refused__init(&out->logins);
        out->logins.address = event->address;
        out->logins.has_user = out->logins.has_count = true;
        out->logins.user = event->user;
        out->logins.count = event->count;
        out->logins.why = event->text;
        return &out->logins.base;
    case ACCESS_REFUSED:
        daftari__v1__access_refused__init(&out->access);
        out->access.has_user = out->access.has_session = out->access.has_count = true;
        out->access.user = event->user;
        out->access.session = event->session;
        out->access.method = event->text;
        out->access.count = event->count;
        out->access.address = event->address;
        return &out->access.base;
    case ACCESS_SESSION_OVER:
        daftari__v1__close_session__init(&out->close);
        out->close.has_session = true;
        out->close.session = event->session;
        return &out->close.base;
    case ACCESS_SESSION_MOVED:
        daftari__v1__session_used_from__init(&out->used);
        out->used.has_session = true;
        out->used.session = event->session;
        out->used.address = event->address;
        out->used.agent = event->agent;
        out->used.device = event->device;
        return &out->used.base;
    }
    return NULL;
}

void sweep_send(struct login *login, bool all)
{
    struct access_event events[SWEEP_EVENTS];
    union sweep_command commands[SWEEP_EVENTS];
    const ProtobufCMessage *list[SWEEP_EVENTS];
    const struct method *const methods[] = {[ACCESS_LOGINS_REFUSED] = login->refuse_logins,
                                            [ACCESS_REFUSED] = login->refuse_access,
                                            [ACCESS_SESSION_OVER] = login->close_session,
                                            [ACCESS_SESSION_MOVED] = login->use_session};
    size_t count = access_sweep(login->config.access, all, events, SWEEP_EVENTS);
    for (unsigned kind = 0; kind < sizeof methods / sizeof methods[0]; kind++) {
        size_t chosen = 0;
        for (size_t i = 0; i < count; i++)
            if (events[i].kind == kind)
                list[chosen] = command_make(&events[i], &commands[i]), chosen++;
        if (chosen != 0)
            parcel_send(login, methods[kind], list, chosen, true);
    }
}

void login_sweep(struct login *login)
{
    sweep_send(login, false);
}
