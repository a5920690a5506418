/* Objects behind S3's API: what each call asks and what its answer means.  Sending is in s3_send.c. */
#include <stdlib.h>
#include <string.h>

#include "io/s3_int.h"
#include "io/s3_xml_int.h"

enum { LIST_PAGES_MAX = 1000000, PARTS_MAX = 10000, XML_MAX = 16 << 20, ERROR_MAX = 64 << 10 };

static const char *full_key(const struct s3 *s3, tl_arena *arena, const char *key)
{
    return s3->prefix[0] ? tl_arena_printf(arena, "%s/%s", s3->prefix, key) : key;
}

/* One call with an arena of its own. */
static tl_arena *call_arena(void)
{
    return tl_arena_new(XML_MAX);
}

static enum tl_code s3_read(tl_objects *objects, const char *key, int64_t offset, size_t size, struct tl_buf *buf, struct tl_err *err)
{
    tl_arena *arena = call_arena();
    struct s3_call call = {.method = "GET", .key = full_key(objects->state, arena, key), .answer_max = buf->max_size - buf->size + ERROR_MAX};
    struct s3_answer answer;
    if (offset > 0 || size != SIZE_MAX)
        call.headers[call.header_count++] = (struct tl_sigv4_header){
            "range", size > INT64_MAX - (size_t)offset ? tl_arena_printf(arena, "bytes=%lld-", (long long)offset)
                                                      : tl_arena_printf(arena, "bytes=%lld-%lld", (long long)offset,
                                                                        (long long)(offset + (int64_t)size - 1))};
    enum tl_code code = s3_send(objects->state, arena, &call, &answer, err);
    if (code == TL_OK && answer.status == 404)
        code = objects_missing(objects, key, err);
    else if (code == TL_OK && answer.status == 200 && call.header_count) /* a server that does not know parts */
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "the storage \"%s\" sends no parts of objects", objects->root);
    else if (code == TL_OK && answer.status != 416) {
        tl_buf_add(buf, answer.body.data, answer.body.size);
        if (buf->failed)
            code = tl_err_set(err, TL_TOO_LARGE, "\"%.300s/%.400s\" does not fit into %zu bytes", objects->root, key, buf->max_size);
    }
    tl_arena_free(arena);
    return code;
}

/* --- writing --- */

/* An earlier attempt may have written what a later one is told exists. */
static bool is_already_ours(tl_objects *objects, const char *key, struct tl_str bytes)
{
    struct tl_buf buf;
    struct tl_err ignored;
    tl_err_init(&ignored);
    tl_buf_init(&buf, bytes.size);
    bool same = s3_read(objects, key, 0, SIZE_MAX, &buf, &ignored) == TL_OK && buf.size == bytes.size &&
                (bytes.size == 0 || memcmp(buf.data, bytes.data, bytes.size) == 0);
    tl_buf_done(&buf);
    return same;
}

static enum tl_code after_write(tl_objects *objects, const char *key, struct tl_str bytes, const struct s3_answer *answer, struct tl_err *err)
{
    if (answer->status != 412)
        return TL_OK;
    if (answer->attempts > 1 && is_already_ours(objects, key, bytes))
        return TL_OK;
    return tl_err_set(err, TL_ALREADY_EXISTS, "\"%.300s/%.400s\" exists already", objects->root, key);
}

static void add_if_absent(struct s3_call *call, bool if_absent)
{
    if (if_absent)
        call->headers[call->header_count++] = (struct tl_sigv4_header){"if-none-match", "*"};
}

static enum tl_code put_part(const struct s3 *s3, tl_arena *arena, const char *key, const char *upload, int number, struct tl_str bytes,
                             struct tl_buf *list, struct tl_err *err)
{
    struct tl_buf query;
    tl_buf_init(&query, 8192);
    tl_buf_addf(&query, "partNumber=%d&uploadId=", number);
    tl_sigv4_encode(&query, upload, false);
    struct s3_call call = {.method = "PUT", .key = key, .query = tl_buf_cstr(&query), .body = bytes};
    struct s3_answer answer;
    enum tl_code code = s3_send(s3, arena, &call, &answer, err);
    const char *tag = code == TL_OK && answer.status == 200 ? tl_http_response_header(&answer.http, "etag") : NULL;
    if (code == TL_OK && !tag)
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "part %d of an object was not taken by the storage", number);
    if (code == TL_OK) {
        tl_buf_addf(list, "<Part><PartNumber>%d</PartNumber><ETag>", number);
        s3_xml_escape(list, tag);
        tl_buf_adds(list, "</ETag></Part>");
    }
    tl_buf_done(&query);
    return code;
}

static enum tl_code start_upload(const struct s3 *s3, tl_arena *arena, const char *key, const char **ret_upload, struct tl_err *err)
{
    struct s3_call call = {.method = "POST", .key = key, .query = "uploads="};
    struct s3_answer answer;
    if (s3_send(s3, arena, &call, &answer, err) != TL_OK)
        return err->code;
    *ret_upload = answer.status == 200 ? s3_xml_text(arena, answer.body, "UploadId") : NULL;
    return *ret_upload ? TL_OK : tl_err_set(err, TL_SOURCE_PROTOCOL, "the storage did not start the upload of an object in parts");
}

/* With the parts in `list`; without (NULL) all of them are thrown away. */
static enum tl_code end_upload(const struct s3 *s3, tl_arena *arena, const char *key, const char *upload, struct tl_buf *list, bool if_absent,
                               struct s3_answer *ret_answer, struct tl_err *err)
{
    struct tl_buf query;
    tl_buf_init(&query, 8192);
    tl_buf_adds(&query, "uploadId=");
    tl_sigv4_encode(&query, upload, false);
    struct s3_call call = {.method = list ? "POST" : "DELETE", .key = key, .query = tl_buf_cstr(&query)};
    if (list) {
        call.body = (struct tl_str){list->data, list->size};
        add_if_absent(&call, if_absent);
    }
    enum tl_code code = s3_send(s3, arena, &call, ret_answer, err);
    /* "200 OK" may carry an error once the server has begun to answer */
    if (code == TL_OK && list && ret_answer->status == 200 && s3_xml_text(arena, ret_answer->body, "Code"))
        code = tl_err_set(err, TL_SOURCE_FAILED, "the storage could not put the parts of an object together: %.200s",
                          s3_xml_text(arena, ret_answer->body, "Code"));
    tl_buf_done(&query);
    return code;
}

static enum tl_code write_parts(tl_objects *objects, const char *key, struct tl_str bytes, bool if_absent, struct tl_err *err)
{
    const struct s3 *s3 = objects->state;
    tl_arena *arena = call_arena();
    const char *upload = NULL, *whole_key = full_key(s3, arena, key);
    struct tl_buf list;
    struct s3_answer answer = {0};
    size_t part = s3->part_bytes;
    while (bytes.size / part >= PARTS_MAX)
        part *= 2;
    tl_buf_init(&list, XML_MAX);
    tl_buf_adds(&list, "<CompleteMultipartUpload>");
    enum tl_code code = start_upload(s3, arena, whole_key, &upload, err);
    int number = 1;
    for (size_t done = 0; code == TL_OK && done < bytes.size; done += part, number++) {
        size_t size = bytes.size - done < part ? bytes.size - done : part;
        code = put_part(s3, arena, whole_key, upload, number, (struct tl_str){bytes.data + done, size}, &list, err);
    }
    tl_buf_adds(&list, "</CompleteMultipartUpload>");
    if (code == TL_OK)
        code = end_upload(s3, arena, whole_key, upload, &list, if_absent, &answer, err);
    if (code == TL_OK)
        code = after_write(objects, key, bytes, &answer, err);
    if (code != TL_OK && upload) { /* parts that stay would be paid for, unseen */
        struct tl_err ignored;
        tl_err_init(&ignored);
        (void)!end_upload(s3, arena, whole_key, upload, NULL, false, &answer, &ignored);
    }
    tl_buf_done(&list);
    tl_arena_free(arena);
    return code;
}

static enum tl_code s3_write(tl_objects *objects, const char *key, struct tl_str bytes, bool if_absent, struct tl_err *err)
{
    const struct s3 *s3 = objects->state;
    if (bytes.size > s3->part_bytes)
        return write_parts(objects, key, bytes, if_absent, err);
    tl_arena *arena = call_arena();
    struct s3_call call = {.method = "PUT", .key = full_key(s3, arena, key), .body = bytes};
    struct s3_answer answer;
    add_if_absent(&call, if_absent);
    enum tl_code code = s3_send(s3, arena, &call, &answer, err);
    if (code == TL_OK)
        code = after_write(objects, key, bytes, &answer, err);
    tl_arena_free(arena);
    return code;
}

/* --- the rest --- */

static enum tl_code s3_size(tl_objects *objects, const char *key, int64_t *ret_size, struct tl_err *err)
{
    tl_arena *arena = call_arena();
    struct s3_call call = {.method = "HEAD", .key = full_key(objects->state, arena, key)};
    struct s3_answer answer;
    enum tl_code code = s3_send(objects->state, arena, &call, &answer, err);
    const char *length = code == TL_OK ? tl_http_response_header(&answer.http, "content-length") : NULL;
    if (code == TL_OK && answer.status == 404)
        code = objects_missing(objects, key, err);
    else if (code == TL_OK && !length)
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "the storage did not tell the size of \"%.300s/%.400s\"", objects->root, key);
    else if (code == TL_OK)
        *ret_size = strtoll(length, NULL, 10);
    tl_arena_free(arena);
    return code;
}

static enum tl_code remove_one(const struct s3 *s3, tl_arena *arena, const char *whole_key, struct tl_err *err)
{
    struct s3_call call = {.method = "DELETE", .key = whole_key};
    struct s3_answer answer;
    return s3_send(s3, arena, &call, &answer, err); /* 404 is fine */
}

static enum tl_code s3_remove(tl_objects *objects, const char *key, struct tl_err *err)
{
    tl_arena *arena = call_arena();
    enum tl_code code = remove_one(objects->state, arena, full_key(objects->state, arena, key), err);
    tl_arena_free(arena);
    return code;
}

struct s3_page {
    struct tl_str items;
    const char *next; /* NULL: this was the last */
};

static enum tl_code list_page(const struct s3 *s3, tl_arena *arena, const char *prefix, const char *token, struct s3_page *ret_page,
                              struct tl_err *err)
{
    struct tl_buf query;
    tl_buf_init(&query, 32768);
    if (token) {
        tl_buf_adds(&query, "continuation-token=");
        tl_sigv4_encode(&query, token, false);
        tl_buf_addc(&query, '&');
    }
    tl_buf_adds(&query, "list-type=2&max-keys=1000&prefix=");
    tl_sigv4_encode(&query, prefix, false);
    struct s3_call call = {.method = "GET", .query = tl_buf_cstr(&query)};
    struct s3_answer answer;
    enum tl_code code = s3_send(s3, arena, &call, &answer, err);
    if (code == TL_OK && answer.status != 200)
        code = tl_err_set(err, TL_SOURCE_FAILED, "bucket \"%s\" does not exist", s3->bucket);
    if (code == TL_OK) {
        const char *more = s3_xml_text(arena, answer.body, "IsTruncated");
        *ret_page = (struct s3_page){answer.body, tl_streq(more, "true") ? s3_xml_text(arena, answer.body, "NextContinuationToken") : NULL};
    }
    tl_buf_done(&query);
    return code;
}

/* One <Contents>; keys that are no locations of ours (a "folder/" of another tool) are passed over. */
static enum tl_code list_item(tl_objects *objects, tl_arena *arena, struct tl_str item, tl_object_each each, void *context, struct tl_err *err)
{
    const struct s3 *s3 = objects->state;
    const char *key = s3_xml_text(arena, item, "Key"), *size = s3_xml_text(arena, item, "Size");
    const char *modified = s3_xml_text(arena, item, "LastModified");
    size_t prefix = strlen(s3->prefix);
    if (!key || !size || strncmp(key, s3->prefix, prefix) != 0)
        return TL_OK;
    const char *location = tl_arena_printf(arena, "%s%s%s", objects->root, prefix ? "" : "/", key + prefix);
    struct tl_err other;
    tl_err_init(&other);
    if (tl_objects_locate(objects, arena, location, NULL, &other) != TL_OK || key[strlen(key) - 1] == '/')
        return TL_OK;
    struct tl_object_info info = {location, strtoll(size, NULL, 10), modified ? s3_xml_time_ms(modified) : 0};
    return each(context, &info, err);
}

static enum tl_code s3_list(tl_objects *objects, const char *key, tl_object_each each, void *context, struct tl_err *err)
{
    char token[8192] = "";
    for (int i = 0; i < LIST_PAGES_MAX; i++) {
        tl_arena *arena = call_arena();
        struct s3_page page;
        struct tl_str item;
        const char *prefix = tl_arena_printf(arena, "%s/", full_key(objects->state, arena, key));
        enum tl_code code = list_page(objects->state, arena, prefix, i ? token : NULL, &page, err);
        for (size_t at = 0; code == TL_OK && s3_xml_next(page.items, &at, "Contents", &item);)
            code = list_item(objects, arena, item, each, context, err);
        bool more = code == TL_OK && page.next && strlen(page.next) < sizeof token;
        if (more)
            memcpy(token, page.next, strlen(page.next) + 1);
        tl_arena_free(arena);
        if (!more)
            return code;
    }
    return tl_err_set(err, TL_TOO_LARGE, "there are more than %d000 objects below \"%.300s/%.400s\"", LIST_PAGES_MAX, objects->root, key);
}

/* Page by page from the start: what was removed is not listed again. */
static enum tl_code s3_remove_below(tl_objects *objects, const char *key, struct tl_err *err)
{
    for (int i = 0; i < LIST_PAGES_MAX; i++) {
        tl_arena *arena = call_arena();
        struct s3_page page;
        struct tl_str item;
        size_t count = 0;
        const char *prefix = tl_arena_printf(arena, "%s/", full_key(objects->state, arena, key));
        enum tl_code code = list_page(objects->state, arena, prefix, NULL, &page, err);
        for (size_t at = 0; code == TL_OK && s3_xml_next(page.items, &at, "Contents", &item); count++) {
            const char *found = s3_xml_text(arena, item, "Key");
            if (found && strncmp(found, prefix, strlen(prefix)) == 0)
                code = remove_one(objects->state, arena, found, err);
        }
        tl_arena_free(arena);
        if (code != TL_OK || count == 0)
            return code;
    }
    return tl_err_set(err, TL_TOO_LARGE, "what lies below \"%.300s/%.400s\" does not get less", objects->root, key);
}

static enum tl_code s3_make_folder(tl_objects *objects, const char *key, struct tl_err *err)
{
    (void)objects;
    (void)key;
    (void)err;
    return TL_OK;
}

static void s3_close(tl_objects *objects)
{
    s3_free(objects->state);
}

static const struct objects_kind s3_kind = {
    .read = s3_read,
    .write = s3_write,
    .size = s3_size,
    .remove = s3_remove,
    .list = s3_list,
    .remove_below = s3_remove_below,
    .make_folder = s3_make_folder,
    .close = s3_close,
};

enum tl_code tl_objects_open_s3(const struct tl_objects_s3 *options, tl_objects **ret_objects, struct tl_err *err)
{
    struct s3 *s3;
    if (s3_new(options, &s3, err) != TL_OK)
        return err->code;
    tl_objects *objects = tl_heap_alloc(sizeof *objects);
    size_t size = strlen(options->location);
    while (size && options->location[size - 1] == '/')
        size--;
    *objects = (tl_objects){.kind = &s3_kind, .root = tl_heap_strdup(options->location), .folder_fd = -1, .state = s3};
    objects->root[size] = '\0';
    *ret_objects = objects;
    return TL_OK;
}
