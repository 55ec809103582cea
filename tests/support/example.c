#include "tests/support/example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t example_command_of(struct world *world, uint32_t user, const char *method, const char *json_text)
{
    struct world_actor actor = {.user = user, .rights = user != 0 ? world_owner_rights() : NULL};
    struct world_answer answer;
    assert_true(world_command_text(world, &actor, method, json_text, &answer));
    if (answer.status != STATUS_OK)
        fail_msg("%s: %s %s", method, answer.fault.field, answer.fault.text);
    return answer.position;
}

uint64_t example_command(struct world *world, const char *method, const char *json_text)
{
    return example_command_of(world, 0, method, json_text);
}

uint64_t example_post(struct world *world, const char *date, const char *business, const char *description,
                      const char *lines)
{
    char text[4000];
    (void)snprintf(text, sizeof text,
                   "{\"date\":\"%s\",\"business\":\"%s\",\"description\":\"%s\",\"lines\":[%s]}", date,
                   business, description, lines);
    return example_command(world, "Entry.Post", text);
}

int example_set_up(void **state)
{
    struct example *example = calloc(1, sizeof *example);
    example->world = world_new();
    if (!world_open_example(example->world))
        return -1;
    example->books = view_books_new(example->world);
    *state = example;
    return 0;
}

int example_tear_down(void **state)
{
    struct example *example = *state;
    view_books_free(example->books);
    world_free(example->world);
    free(example);
    return 0;
}

Daftari__V1__RunReport example_request(const char *business)
{
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.business = (char *)(uintptr_t)business;
    return request;
}

void example_ask(struct example *example, const char *report, Daftari__V1__RunReport request,
                 struct table *out)
{
    view_books_fold(example->books);
    table_run(example->books, NULL, report, request, out);
    if (out->status != STATUS_OK)
        fail_msg("%s: %s %s", report, out->fault.field, out->fault.text);
}
