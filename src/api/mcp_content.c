/* Resources of MCP (data-model pages and datasets) and its prompts. */
#include <stdlib.h>
#include <string.h>

#include "api/mcp_int.h"

enum { PAGE = 100, URI_MAX = 4096, PARTS = 3, CURSOR_MAX = 9 };

static const char scheme[] = "townlake://dataset/", page_scheme[] = "townlake://page/";

/* ---- datasets as resources ---- */

struct listing {
    struct mcp_message *message;
    size_t skip, seen;
};

static void put_uri(struct tl_buf *uri, const char *source, const struct tl_source_dataset *dataset)
{
    tl_buf_adds(uri, scheme);
    tl_http_encode(uri, source);
    tl_buf_addc(uri, '/');
    tl_http_encode(uri, dataset->schema);
    tl_buf_addc(uri, '/');
    tl_http_encode(uri, dataset->name);
}

static void put_resource(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct listing *listing = context;
    struct tl_json_writer *json = &listing->message->json;
    struct tl_buf uri;
    listing->seen++;
    if (listing->seen <= listing->skip || listing->seen > listing->skip + PAGE)
        return;
    tl_buf_init(&uri, URI_MAX);
    put_uri(&uri, source, dataset);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "uri", tl_buf_cstr(&uri));
    tl_json_pair_text(json, "name", tl_arena_printf(listing->message->call->rq.arena, "%s.%s.%s", source, dataset->schema, dataset->name));
    if (dataset->comment && *dataset->comment)
        tl_json_pair_text(json, "description", dataset->comment);
    tl_json_pair_text(json, "mimeType", "application/json");
    tl_json_end_object(json);
    tl_buf_done(&uri);
}

/* A tool's answer, read; NULL: call->rq.err. */
static const tl_json *ask(struct mcp_message *message, const char *tool, const char *name, const char *value)
{
    struct tl_request *rq = &message->call->rq;
    struct tl_tool_caller caller = {.client = message->client, .script = true};
    struct tl_buf text, answer;
    struct tl_json_writer json;
    const tl_json *arguments, *read = NULL;
    tl_buf_init(&text, URI_MAX * 2);
    tl_buf_init(&answer, TL_TOOL_ANSWER_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    if (value)
        tl_json_pair_text(&json, name, value);
    tl_json_end_object(&json);
    if (tl_json_parse(rq->arena, tl_buf_cstr(&text), text.size, &arguments, &rq->err) != TL_OK ||
        tl_tool_call(rq, message->call->api->parts.tools, &caller, tool, arguments, &answer) != TL_OK ||
        tl_json_parse(rq->arena, tl_buf_cstr(&answer), answer.size, &read, &rq->err) != TL_OK)
        read = NULL;
    tl_buf_done(&text);
    tl_buf_done(&answer);
    return read;
}

/* They are few: all of them stand on the first page of the list. */
static void put_pages(struct mcp_message *message)
{
    struct tl_json_writer *json = &message->json;
    const tl_json *pages = tl_json_get(ask(message, "data_models", NULL, NULL), "pages");
    for (struct tl_json_iter it = tl_json_iter(pages); tl_json_next(&it);) {
        struct tl_buf uri;
        tl_buf_init(&uri, URI_MAX);
        tl_buf_adds(&uri, page_scheme);
        tl_http_encode(&uri, tl_json_get_text(it.value, "path"));
        tl_json_begin_object(json);
        tl_json_pair_text(json, "uri", tl_buf_cstr(&uri));
        const char *title = tl_json_get_text(it.value, "title");
        tl_json_pair_text(json, "name", title && *title ? title : tl_json_get_text(it.value, "path"));
        tl_json_pair_text(json, "mimeType", "text/markdown");
        tl_json_end_object(json);
        tl_buf_done(&uri);
    }
}

void mcp_resources_list(struct mcp_message *message)
{
    struct tl_api_call *call = message->call;
    const char *cursor = tl_json_get_text(message->params, "cursor");
    struct listing listing = {.message = message, .skip = cursor ? strtoul(cursor, NULL, 10) : 0};
    if (cursor && (!*cursor || strspn(cursor, "0123456789") != strlen(cursor) || strlen(cursor) > CURSOR_MAX)) {
        mcp_fail(message, MCP_INVALID_PARAMS, "the cursor is none of ours");
        return;
    }
    tl_json_key(&message->json, "resources");
    tl_json_begin_array(&message->json);
    if (listing.skip == 0)
        put_pages(message);
    tl_door_each_dataset(&call->rq, call->api->parts.door, put_resource, &listing);
    tl_json_end_array(&message->json);
    if (listing.seen > listing.skip + PAGE)
        tl_json_pair_text(&message->json, "nextCursor", tl_arena_printf(call->rq.arena, "%zu", listing.skip + PAGE));
}

void mcp_resources_templates(struct mcp_message *message)
{
    tl_json_key(&message->json, "resourceTemplates");
    tl_json_put_raw(&message->json, TL_STR("[{\"uriTemplate\":\"townlake://dataset/{source}/{schema}/{table}\",\"name\":\"dataset\","
                                           "\"description\":\"columns, masks and row rules of a table, as the person sees it\","
                                           "\"mimeType\":\"application/json\"},"
                                           "{\"uriTemplate\":\"townlake://page/{path}\",\"name\":\"page\","
                                           "\"description\":\"what people wrote on how the data fits together\",\"mimeType\":\"text/markdown\"}]"));
}

/* "townlake://dataset/ops/public/accounts" gives "ops"."public"."accounts"; NULL: it is none. */
static const char *dataset_of(tl_arena *arena, const char *uri)
{
    struct tl_buf name;
    const char *copy = NULL;
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
        return NULL;
    const char *at = uri + sizeof scheme - 1;
    tl_buf_init(&name, URI_MAX);
    int part = 0;
    for (; part < PARTS; part++) {
        size_t size = strcspn(at, "/");
        const char *text = tl_http_decode(arena, at, size, false);
        if (!text || size == 0 || (part < PARTS - 1 && at[size] != '/'))
            break;
        tl_buf_adds(&name, part ? "." : "");
        tl_buf_add_identifier(&name, text);
        at += size + (part < PARTS - 1);
    }
    if (part == PARTS && !*at && !name.failed)
        copy = tl_arena_strdup(arena, tl_buf_cstr(&name));
    tl_buf_done(&name);
    return copy;
}

static void put_content(struct mcp_message *message, const char *uri, const char *type, struct tl_str text)
{
    struct tl_json_writer *json = &message->json;
    tl_json_key(json, "contents");
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "uri", uri);
    tl_json_pair_text(json, "mimeType", type);
    tl_json_key(json, "text");
    tl_json_put_str(json, text);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static bool read_dataset(struct mcp_message *message, const char *uri)
{
    const char *name = dataset_of(message->call->rq.arena, uri);
    const tl_json *access = name ? ask(message, "check_access", "dataset", name) : NULL;
    struct tl_buf text;
    struct tl_json_writer json;
    if (!access)
        return false;
    tl_buf_init(&text, TL_TOOL_ANSWER_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, access);
    put_content(message, uri, "application/json", (struct tl_str){text.data, text.size});
    tl_buf_done(&text);
    return true;
}

static bool read_page(struct mcp_message *message, const char *uri)
{
    const char *path = uri + sizeof page_scheme - 1;
    path = tl_http_decode(message->call->rq.arena, path, strlen(path), false);
    const tl_json *page = path && *path ? tl_json_get(ask(message, "data_models", "path", path), "page") : NULL;
    if (page)
        put_content(message, uri, "text/markdown", tl_json_str(tl_json_get(page, "text")));
    return page != NULL;
}

void mcp_resources_read(struct mcp_message *message)
{
    const char *uri = tl_json_get_text(message->params, "uri");
    if (!uri) {
        mcp_fail(message, MCP_INVALID_PARAMS, "the uri is missing");
        return;
    }
    bool page = strncmp(uri, page_scheme, sizeof page_scheme - 1) == 0;
    if (page ? !read_page(message, uri) : !read_dataset(message, uri))
        mcp_fail(message, message->modern ? MCP_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND, "no such resource: %.300s", uri);
}

/* ---- prompts ---- */

static const struct prompt {
    const char *name, *description, *argument, *argument_description, *before, *behind;
} prompts[] = {
    {"answer_question", "Answer a question about the company's data, with its proof", "question", "in plain words",
     "Answer this question from the company's data: ",
     "\n\nFind the tables that fit with search (detail \"full\" for their columns). Write one script for execute. Check the result before you answer: "
     "does a join multiply rows, does a filter leave out what was asked for, is the period whole? Then tell the answer, the tables, filters and grain it "
     "rests on, and the SQL."},
    {"describe_table", "Say what a table holds and how to use it", "table", "source.schema.table", "Describe the table ",
     ": find its columns with search (detail \"full\") and what the person may see with skipper.check_access; count its rows, its period and the values of "
     "its important columns with one script. Say what a row is."},
    {"check_number", "Check a number that somebody reports", "claim", "the number and what it is said to be", "Check this claim against the data: ",
     "\n\nCompute it in two independent ways with one script, compare, and say which definition gives which number."},
};
enum { PROMPTS = sizeof prompts / sizeof *prompts };

void mcp_prompts_list(struct mcp_message *message)
{
    struct tl_json_writer *json = &message->json;
    tl_json_key(json, "prompts");
    tl_json_begin_array(json);
    for (size_t i = 0; i < PROMPTS; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", prompts[i].name);
        tl_json_pair_text(json, "description", prompts[i].description);
        tl_json_key(json, "arguments");
        tl_json_begin_array(json);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", prompts[i].argument);
        tl_json_pair_text(json, "description", prompts[i].argument_description);
        tl_json_pair_bool(json, "required", true);
        tl_json_end_object(json);
        tl_json_end_array(json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

void mcp_prompts_get(struct mcp_message *message)
{
    struct tl_json_writer *json = &message->json;
    const char *name = tl_json_get_text(message->params, "name");
    const struct prompt *prompt = NULL;
    for (size_t i = 0; i < PROMPTS; i++)
        if (tl_streq(prompts[i].name, name))
            prompt = &prompts[i];
    const char *value = prompt ? tl_json_get_text(tl_json_get(message->params, "arguments"), prompt->argument) : NULL;
    if (!prompt || !value) {
        if (prompt)
            mcp_fail(message, MCP_INVALID_PARAMS, "the argument \"%s\" is missing", prompt->argument);
        else
            mcp_fail(message, MCP_INVALID_PARAMS, "no such prompt: %.100s", name ? name : "");
        return;
    }
    tl_json_pair_text(json, "description", prompt->description);
    tl_json_key(json, "messages");
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "role", "user");
    tl_json_key(json, "content");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "text");
    tl_json_pair_text(json, "text", tl_arena_printf(message->call->rq.arena, "%s%s%s", prompt->before, value, prompt->behind));
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_end_array(json);
}
