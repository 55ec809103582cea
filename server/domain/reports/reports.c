/* The methods of the views and of the log that have no rows of their own here: who may ask. The views and the log's
 * reader answer them (server/views). */
#include "log.pb-c.h"
#include "people.pb-c.h"
#include "report.pb-c.h"
#include "server/domain/capabilities.h"

static const struct method methods[] = {
    {
        .name = "Log.Checkpoint",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__get_checkpoint__descriptor,
        .response = &daftari__v1__checkpoint_note__descriptor,
    },
    {
        .name = "Log.Consistency",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__get_consistency__descriptor,
        .response = &daftari__v1__proof__descriptor,
    },
    {
        .name = "Log.Digest",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__get_digest__descriptor,
        .response = &daftari__v1__view_digest__descriptor,
        .permission = DAFTARI__V1__PERMISSION__RAW_LOG,
        .level = PERMISSION_READ,
    },
    {
        .name = "Log.Follow",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__follow_log__descriptor,
        .response = &daftari__v1__log_part__descriptor,
        .permission = DAFTARI__V1__PERMISSION__RAW_LOG,
        .level = PERMISSION_READ,
    },
    {
        .name = "Log.Inclusion",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__get_inclusion__descriptor,
        .response = &daftari__v1__proof__descriptor,
    },
    {
        .name = "Report.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_reports__descriptor,
        .response = &daftari__v1__report_info__descriptor,
    },
    /* Each report names the permission that it needs. */
    {
        .name = "Report.Run",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__run_report__descriptor,
        .response = &daftari__v1__report_part__descriptor,
    },
};

const struct capability capability_reports = {
    .name = "reports",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};
