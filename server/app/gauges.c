#include <stdio.h>

#include "server/app/server.h"

static uint64_t gauge_log_position(void *context)
{
    struct log_head head;
    log_head(((struct server *)context)->stores.log, &head);
    return head.size;
}

static enum view_state view_read(void *context, uint64_t *out_position)
{
    const struct view_gauges *of = context;
    enum view_state state;
    runner_view(of->server->runner, of->id, &state, out_position);
    return state;
}

static uint64_t gauge_view_position(void *context)
{
    uint64_t position;
    (void)view_read(context, &position);
    return position;
}

static uint64_t gauge_view_lag(void *context)
{
    uint64_t log = gauge_log_position(((const struct view_gauges *)context)->server), view;
    (void)view_read(context, &view);
    return log > view ? log - view : 0;
}

static uint64_t gauge_view_state(void *context)
{
    uint64_t position;
    switch (view_read(context, &position)) {
    case VIEW_BUILDING:
        return 0;
    case VIEW_READY:
        return 1;
    case VIEW_BEHIND:
        return 3;
    case VIEW_FAILED:
        break;
    }
    return 2;
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

static void register_view(struct server *server, enum view_id id)
{
    char label[64];
    (void)snprintf(label, sizeof label, "view=\"%s\"", views[id]->name);
    struct view_gauges *of = &server->view_gauges[id];
    *of = (struct view_gauges){.server = server, .id = id};
    metrics_gauge_source(server->metrics, "daftari_view_position", "Position that a view reflects.", label,
                         gauge_view_position, of);
    metrics_gauge_source(server->metrics, "daftari_view_lag_records",
                         "Records of the log that a view does not reflect yet.", label, gauge_view_lag, of);
    metrics_gauge_source(server->metrics, "daftari_view_state",
                         "0 being built, 1 ready, 2 failed, 3 behind for want of room.", label,
                         gauge_view_state, of);
}

static uint64_t gauge_ids_map_used(void *context)
{
    return map_use(((struct server *)context)->stores.ids_kv, false);
}

static uint64_t gauge_ids_map_limit(void *context)
{
    return map_use(((struct server *)context)->stores.ids_kv, true);
}

static struct id_index_stats ids_stats(void *context)
{
    struct id_index_stats stats;
    id_index_stats(((struct server *)context)->stores.ids, &stats);
    return stats;
}

static uint64_t gauge_ids_runs(void *context)
{
    return ids_stats(context).runs;
}

static uint64_t gauge_ids_written(void *context)
{
    return ids_stats(context).run_ids;
}

static uint64_t gauge_ids_memory(void *context)
{
    return ids_stats(context).memory_ids;
}

static uint64_t gauge_ids_filter_bytes(void *context)
{
    return ids_stats(context).filter_bytes;
}

static uint64_t gauge_ids_look_ups(void *context)
{
    return ids_stats(context).run_look_ups;
}

static uint64_t gauge_ids_waits(void *context)
{
    return ids_stats(context).waits;
}

void gauges_register(struct server *server)
{
    static const struct {
        const char *name, *help, *labels;
        uint64_t (*read)(void *context);
    } gauges[] = {
        {"daftari_log_position", "Position of the last record of the log.", NULL, gauge_log_position},
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
        {"daftari_map_used_bytes", "Bytes in use of an environment's map.", "environment=\"ids\"",
         gauge_ids_map_used},
        {"daftari_map_limit_bytes", "Most bytes that an environment's map may take.", "environment=\"ids\"",
         gauge_ids_map_limit},
        {"daftari_ids_runs", "Sorted runs of command ids on disk.", NULL, gauge_ids_runs},
        {"daftari_ids", "Command ids known.", "in=\"runs\"", gauge_ids_written},
        {"daftari_ids", "Command ids known.", "in=\"memory\"", gauge_ids_memory},
        {"daftari_ids_filter_bytes", "Memory of the filters over command ids.", NULL, gauge_ids_filter_bytes},
        {"daftari_ids_run_lookups", "Command ids looked up on disk since the start.", NULL,
         gauge_ids_look_ups},
        {"daftari_ids_waits", "Times the writer waited for command ids to be written since the start.", NULL,
         gauge_ids_waits},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
        metrics_gauge_source(server->metrics, gauges[i].name, gauges[i].help, gauges[i].labels,
                             gauges[i].read, server);
    for (unsigned id = 0; id < VIEW_COUNT; id++)
        register_view(server, id);
}
