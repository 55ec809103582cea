#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/figures.h"

static void figure_set(struct figures *figures, const char *group, const char *key, const char *label,
                       const char *unit, uint64_t value, bool known)
{
    if (figures->count == FIGURES_MAX)
        return;
    struct figure *figure = &figures->items[figures->count++];
    snprintf(figure->group, sizeof figure->group, "%s", group);
    snprintf(figure->key, sizeof figure->key, "%s", key);
    snprintf(figure->label, sizeof figure->label, "%s%s%s", label, group[0] != '\0' ? " " : "",
             group[0] != '\0' ? key : "");
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
    figure->value = value;
    figure->known = known;
}

void figures_add(struct figures *figures, const char *key, const char *label, const char *unit,
                 uint64_t value)
{
    figure_set(figures, "", key, label, unit, value, true);
}

void figures_add_if(struct figures *figures, bool known, const char *key, const char *label, const char *unit,
                    uint64_t value)
{
    figure_set(figures, "", key, label, unit, value, known);
}

void figures_add_in(struct figures *figures, const char *group, const char *key, const char *label,
                    const char *unit, uint64_t value)
{
    figure_set(figures, group, key, label, unit, value, true);
}

uint64_t figures_share(uint64_t of, uint64_t by)
{
    return by != 0 ? of / by : 0;
}

static const struct figure *find(const struct figures *figures, const char *group, const char *key)
{
    for (uint32_t i = 0; i < figures->count; i++)
        if (strcmp(figures->items[i].key, key) == 0 && strcmp(figures->items[i].group, group) == 0)
            return &figures->items[i];
    return NULL;
}

const struct figure *figures_find(const struct figures *figures, const char *key)
{
    return find(figures, "", key);
}

enum pick { PICK_LEAST, PICK_MEDIAN, PICK_MOST };

static int compare_values(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Over the runs that know the figure. False: none does. */
static bool pick_of(const struct figures *runs, uint32_t count, const struct figure *which, enum pick pick,
                    uint64_t *out)
{
    uint64_t values[RUNS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count && n < RUNS_MAX; i++) {
        const struct figure *figure = find(&runs[i], which->group, which->key);
        if (figure != NULL && figure->known)
            values[n++] = figure->value;
    }
    if (n == 0)
        return false;
    qsort(values, n, sizeof *values, compare_values);
    *out = pick == PICK_LEAST ? values[0] : pick == PICK_MOST ? values[n - 1] : values[(n - 1) / 2];
    return true;
}

uint64_t figures_median(const struct figures *runs, uint32_t count, const char *key)
{
    struct figure which = {.group = ""};
    uint64_t value = 0;
    snprintf(which.key, sizeof which.key, "%s", key);
    return pick_of(runs, count, &which, PICK_MEDIAN, &value) ? value : 0;
}

/* The first run says which figures there are, and in which order. */
static void json_members(const struct figures *runs, uint32_t count, enum pick pick)
{
    const char *group = "", *comma = "";
    for (uint32_t i = 0; i < runs[0].count; i++) {
        const struct figure *figure = &runs[0].items[i];
        uint64_t value;
        if (strcmp(figure->group, group) != 0) {
            if (group[0] != '\0')
                putchar('}');
            comma = group[0] != '\0' ? "," : comma;
            if (figure->group[0] != '\0') {
                printf("%s\"%s\":{", comma, figure->group);
                comma = "";
            }
            group = figure->group;
        }
        printf("%s\"%s\":", comma, figure->key);
        comma = ",";
        if (pick_of(runs, count, figure, pick, &value))
            printf("%" PRIu64, value);
        else
            fputs("null", stdout);
    }
    if (group[0] != '\0')
        putchar('}');
}

static void print_json(const char *scenario, const struct figures *runs, uint32_t count)
{
    printf("{\"scenario\":\"%s\",\"runs\":%u,", scenario, count);
    json_members(runs, count, PICK_MEDIAN);
    if (count > 1) {
        fputs(",\"min\":{", stdout);
        json_members(runs, count, PICK_LEAST);
        fputs("},\"max\":{", stdout);
        json_members(runs, count, PICK_MOST);
        putchar('}');
    }
    fputs("}\n", stdout);
}

static void print_table(const char *scenario, const struct figures *runs, uint32_t count)
{
    printf("%-58s %s", "scenario", scenario);
    if (count > 1)
        printf("   (median of %u runs, least and most)", count);
    putchar('\n');
    for (uint32_t i = 0; i < runs[0].count; i++) {
        const struct figure *figure = &runs[0].items[i];
        uint64_t value, least, most;
        if (!pick_of(runs, count, figure, PICK_MEDIAN, &value))
            continue;
        printf("%-58s %" PRIu64 "%s", figure->label, value, figure->unit);
        if (pick_of(runs, count, figure, PICK_LEAST, &least) &&
            pick_of(runs, count, figure, PICK_MOST, &most) && least != most)
            printf("   (%" PRIu64 " to %" PRIu64 ")", least, most);
        putchar('\n');
    }
    putchar('\n');
}

void figures_print(const char *scenario, const struct figures *runs, uint32_t count, bool json)
{
    if (json)
        print_json(scenario, runs, count);
    else
        print_table(scenario, runs, count);
    fflush(stdout);
}
