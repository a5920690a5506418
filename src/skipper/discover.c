#include "skipper/discover.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "skipper/tool_int.h"

enum { WORDS_MAX = 16, WORD_BYTES = 40, NAME_POINTS = 4, TEXT_POINTS = 1, SHORT = 4, COLUMNS_SHOWN = 200, COMMENT_BYTES = 300, TYPE_MAX = 64 * 1024, WORK_BYTES_MAX = 64 << 20 };

struct words {
    char list[WORDS_MAX][WORD_BYTES];
    size_t count;
};

struct found {
    const char *source;
    struct tl_source_dataset dataset; /* its texts are copies */
    const bool *visible;
    int points;
};

struct search {
    struct tl_request *rq;
    tl_tools *tools;
    const struct words *words;
    struct found list[TL_DISCOVER_COUNT_MAX]; /* best first */
    size_t count, count_max;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* "tickets" finds "ticket" and the other way round. */
static size_t stem_size(const char *text, size_t size)
{
    return size > SHORT && text[size - 1] == 's' ? size - 1 : size;
}

static void split(const char *text, struct words *words)
{
    words->count = 0;
    for (const char *at = text ? text : ""; *at && words->count < WORDS_MAX;) {
        size_t size = 0;
        while (is_word(at[size]))
            size++;
        size_t kept = stem_size(at, size) < WORD_BYTES ? stem_size(at, size) : WORD_BYTES - 1;
        for (size_t i = 0; i < kept; i++)
            words->list[words->count][i] = (char)tolower((unsigned char)at[i]);
        words->list[words->count][kept] = '\0';
        words->count += kept > 1;
        at += size ? size : 1;
    }
}

/* Does a word of the text begin with the word? */
static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = text ? text : ""; *at;) {
        if (is_word(*at) && strncasecmp(at, word, size) == 0)
            return true;
        while (is_word(*at))
            at++;
        while (*at && !is_word(*at))
            at++;
    }
    return false;
}

static int points_of(const struct words *words, const char *text, int points)
{
    int sum = 0;
    for (size_t i = 0; i < words->count; i++)
        sum += has_word(text, words->list[i]) ? points : 0;
    return sum;
}

/* ---- datasets ---- */

static const bool *visible_columns(struct search *search, const char *source, const struct tl_source_dataset *dataset)
{
    tl_arena *arena = search->rq->arena;
    const char **columns = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    bool *visible = TL_NEW_ARRAY(arena, bool, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = dataset->columns[i].name;
    struct tl_access_need need = {source, dataset->schema, dataset->name, TL_ACCESS_READ, dataset->column_count, columns};
    tl_lifeguard_visible(search->rq, search->tools->parts.lifeguard, &need, visible);
    return visible;
}

static int points_of_dataset(const struct search *search, const char *source, const struct tl_source_dataset *dataset, const bool *visible)
{
    int points = points_of(search->words, dataset->name, NAME_POINTS) + points_of(search->words, dataset->schema, TEXT_POINTS) +
                 points_of(search->words, source, TEXT_POINTS) + points_of(search->words, dataset->comment, TEXT_POINTS);
    for (size_t i = 0; i < dataset->column_count; i++)
        if (visible[i])
            points += points_of(search->words, dataset->columns[i].name, TEXT_POINTS) + points_of(search->words, dataset->columns[i].comment, TEXT_POINTS);
    return points;
}

static struct tl_source_dataset copy_dataset(tl_arena *arena, const struct tl_source_dataset *dataset)
{
    struct tl_source_dataset copy = {
        .schema = tl_arena_strdup(arena, dataset->schema),
        .name = tl_arena_strdup(arena, dataset->name),
        .comment = tl_arena_strdup(arena, dataset->comment),
        .column_count = dataset->column_count,
    };
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++) {
        columns[i].name = tl_arena_strdup(arena, dataset->columns[i].name);
        columns[i].comment = tl_arena_strdup(arena, dataset->columns[i].comment);
        columns[i].type = tl_type_copy(arena, &dataset->columns[i].type);
    }
    copy.columns = columns;
    return copy;
}

static void take(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct search *search = context;
    tl_arena *arena = search->rq->arena;
    if (tl_arena_used(arena) > WORK_BYTES_MAX)
        return;
    const bool *visible = visible_columns(search, source, dataset);
    int points = search->words->count ? points_of_dataset(search, source, dataset, visible) : 1;
    size_t at = search->count;
    if (points == 0 || (search->count == search->count_max && search->list[search->count - 1].points >= points))
        return;
    search->count += search->count < search->count_max;
    for (at = at < search->count ? at : search->count - 1; at > 0 && search->list[at - 1].points < points; at--)
        search->list[at] = search->list[at - 1];
    search->list[at] = (struct found){tl_arena_strdup(arena, source), copy_dataset(arena, dataset), visible, points};
}

static void put_comment(struct tl_json_writer *json, const char *comment)
{
    if (!comment || !*comment)
        return;
    tl_json_key(json, "comment");
    tl_json_put_str(json, tl_utf8_cut(tl_str_of(comment), COMMENT_BYTES));
}

static void put_columns(const struct found *found, struct tl_json_writer *json)
{
    size_t hidden = 0, shown = 0;
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (size_t i = 0; i < found->dataset.column_count; i++) {
        const struct tl_source_column *column = &found->dataset.columns[i];
        struct tl_buf type;
        hidden += !found->visible[i];
        if (!found->visible[i] || shown == COLUMNS_SHOWN)
            continue;
        shown++;
        tl_buf_init(&type, TYPE_MAX);
        tl_type_format_trino(&type, &column->type);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", column->name);
        tl_json_pair_text(json, "type", tl_buf_cstr(&type));
        put_comment(json, column->comment);
        tl_json_end_object(json);
        tl_buf_done(&type);
    }
    tl_json_end_array(json);
    tl_json_pair_int64(json, "hiddenColumns", (int64_t)hidden);
}

static const char *full_name(tl_arena *arena, const struct found *found)
{
    struct tl_buf name;
    const char *const parts[] = {found->source, found->dataset.schema, found->dataset.name};
    tl_buf_init(&name, TYPE_MAX);
    for (size_t i = 0; i < 3; i++) {
        tl_buf_adds(&name, i ? "." : "");
        bool plain = islower((unsigned char)parts[i][0]) != 0 && !tl_streq(parts[i], "default");
        for (const char *c = parts[i]; plain && *c; c++)
            plain = islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_';
        if (plain)
            tl_buf_adds(&name, parts[i]);
        else
            tl_buf_add_identifier(&name, parts[i]);
    }
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&name));
    tl_buf_done(&name);
    return copy;
}

void tl_discover_datasets(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json)
{
    struct words words;
    struct search *search = TL_NEW(rq->arena, struct search);
    split(wish->query, &words);
    search->rq = rq;
    search->tools = tools;
    search->words = &words;
    search->count_max = wish->count_max < TL_DISCOVER_COUNT_MAX ? wish->count_max : TL_DISCOVER_COUNT_MAX;
    tl_door_each_dataset(rq, tools->parts.door, take, search);
    tl_json_begin_array(json);
    for (size_t i = 0; i < search->count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", full_name(rq->arena, &search->list[i]));
        put_comment(json, search->list[i].dataset.comment);
        if (wish->full)
            put_columns(&search->list[i], json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* ---- functions ---- */

static void put_functions(const struct tl_discover_wish *wish, struct tl_json_writer *json)
{
    const struct tl_tool *tools;
    size_t count = tl_tool_table(&tools), named = 0;
    struct words words;
    split(wish->query, &words);
    for (size_t i = 0; i < count; i++)
        named += points_of(&words, tools[i].name, 1) > 0;
    tl_json_key(json, "functions");
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        bool match = points_of(&words, tools[i].name, 1) > 0;
        if (wish->full && named && !match)
            continue; /* the whole of those that are named */
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", tl_tool_functions()[i]);
        tl_json_pair_text(json, "purpose", tools[i].purpose);
        if (wish->full)
            tl_json_pair_text(json, "signature", tools[i].signature);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

void tl_discover(struct tl_request *rq, tl_tools *tools, const struct tl_discover_wish *wish, struct tl_json_writer *json)
{
    tl_json_begin_object(json);
    put_functions(wish, json);
    tl_json_key(json, "datasets");
    tl_discover_datasets(rq, tools, wish, json);
    tl_json_end_object(json);
}
