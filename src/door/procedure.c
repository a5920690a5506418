/* CALL: the procedures that clients of Trino use. */
#include <string.h>

#include "door/door_int.h"

enum { ARGUMENTS_MAX = 2 };

struct procedure {
    const char *schema, *name;
    const char *arguments[ARGUMENTS_MAX]; /* names, in their order; the first must be given */
    enum tl_code (*run)(struct tl_door_call *call, const char *const *values);
};

static enum tl_code kill_query(struct tl_door_call *call, const char *const *values)
{
    return tl_running_kill(call, tl_running_whose(call), values[0], values[1]);
}

static const struct procedure procedures[] = {
    {"runtime", "kill_query", {"query_id", "message"}, kill_query},
};

static const struct procedure *find(const struct tl_name *name)
{
    for (size_t i = 0; name->part_count == 3 && i < sizeof procedures / sizeof *procedures; i++)
        if (tl_streq_nocase(name->parts[0], "system") && tl_streq_nocase(name->parts[1], procedures[i].schema) &&
            tl_streq_nocase(name->parts[2], procedures[i].name))
            return &procedures[i];
    return NULL;
}

static enum tl_code bad_argument(struct tl_door_call *call, const char *name, const char *why)
{
    return tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT, "the argument \"%s\" %s", name, why);
}

/* By name or by place; which argument is meant, ARGUMENTS_MAX = none. */
static size_t place_of(const struct procedure *procedure, const struct tl_call_argument *argument, size_t place)
{
    if (!argument->name)
        return place < ARGUMENTS_MAX && procedure->arguments[place] ? place : ARGUMENTS_MAX;
    for (size_t i = 0; i < ARGUMENTS_MAX && procedure->arguments[i]; i++)
        if (tl_streq_nocase(procedure->arguments[i], argument->name))
            return i;
    return ARGUMENTS_MAX;
}

enum tl_code tl_call_statement(struct tl_door_call *call, const struct tl_statement *statement)
{
    const struct procedure *procedure = find(&statement->name);
    const char *values[ARGUMENTS_MAX] = {NULL};
    if (!procedure) {
        tl_err_set(&call->rq->err, TL_NOT_FOUND, "unknown procedure \"%s\"",
                   statement->name.parts[statement->name.part_count - 1]);
        tl_err_hint(&call->rq->err, "there is system.runtime.kill_query(query_id, message)");
        tl_err_position(&call->rq->err, (int64_t)statement->name.offset);
        return TL_NOT_FOUND;
    }
    for (size_t i = 0; i < statement->argument_count; i++) {
        const struct tl_call_argument *argument = &statement->call_arguments[i];
        size_t place = place_of(procedure, argument, i);
        if (place == ARGUMENTS_MAX)
            return bad_argument(call, argument->name ? argument->name : argument->value, "is not one of the procedure");
        if (values[place])
            return bad_argument(call, procedure->arguments[place], "is given twice");
        values[place] = argument->value;
    }
    if (!values[0])
        return bad_argument(call, procedure->arguments[0], "is missing");
    tl_answer_set_update(call->answer, "CALL", false);
    return procedure->run(call, values);
}
