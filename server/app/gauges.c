#include "server/app/server.h"

static uint64_t gauge_log_position(void *context)
{
    struct log_head head;
    log_head(((struct server *)context)->stores.log, &head);
    return head.size;
}

static uint64_t gauge_view_position(void *context)
{
    return runner_position(((struct server *)context)->runner);
}

static uint64_t gauge_view_lag(void *context)
{
    uint64_t log = gauge_log_position(context), view = gauge_view_position(context);
    return log > view ? log - view : 0;
}

static uint64_t gauge_command_queue(void *context)
{
    return writer_queue_depth(((struct server *)context)->writer);
}

static uint64_t gauge_query_queue(void *context)
{
    return runner_queue_depth(((struct server *)context)->runner);
}

static uint64_t gauge_report_bytes(void *context)
{
    return runner_report_bytes(((struct server *)context)->runner);
}

static uint64_t gauge_replay_bytes(void *context)
{
    return runner_replay_bytes(((struct server *)context)->runner);
}

static uint64_t map_use(struct kv *kv, bool limit)
{
    uint64_t used = 0, most = 0;
    kv_usage(kv, &used, &most);
    return limit ? most : used;
}

static uint64_t gauge_log_map_used(void *context)
{
    return map_use(((struct server *)context)->stores.log_kv, false);
}

static uint64_t gauge_log_map_limit(void *context)
{
    return map_use(((struct server *)context)->stores.log_kv, true);
}

static uint64_t gauge_state_map_used(void *context)
{
    return map_use(((struct server *)context)->stores.state_kv, false);
}

static uint64_t gauge_state_map_limit(void *context)
{
    return map_use(((struct server *)context)->stores.state_kv, true);
}

void gauges_register(struct server *server)
{
    static const struct {
        const char *name, *help, *labels;
        uint64_t (*read)(void *context);
    } gauges[] = {
        {"daftari_log_position", "Position of the last record of the log.", NULL, gauge_log_position},
        {"daftari_view_position", "Smallest position that the views reflect.", NULL, gauge_view_position},
        {"daftari_view_lag_records", "Records of the log that some view does not reflect yet.", NULL,
         gauge_view_lag},
        {"daftari_queue_depth", "Requests that wait.", "queue=\"commands\"", gauge_command_queue},
        {"daftari_queue_depth", "Requests that wait.", "queue=\"queries\"", gauge_query_queue},
        {"daftari_report_bytes", "Memory of reports that are being read.", NULL, gauge_report_bytes},
        {"daftari_replay_bytes", "Memory of views replayed to earlier positions.", NULL, gauge_replay_bytes},
        {"daftari_map_used_bytes", "Bytes in use of an environment's map.", "environment=\"log\"",
         gauge_log_map_used},
        {"daftari_map_used_bytes", "Bytes in use of an environment's map.", "environment=\"state\"",
         gauge_state_map_used},
        {"daftari_map_limit_bytes", "Most bytes that an environment's map may take.", "environment=\"log\"",
         gauge_log_map_limit},
        {"daftari_map_limit_bytes", "Most bytes that an environment's map may take.", "environment=\"state\"",
         gauge_state_map_limit},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
        metrics_gauge_source(server->metrics, gauges[i].name, gauges[i].help, gauges[i].labels,
                             gauges[i].read, server);
}
