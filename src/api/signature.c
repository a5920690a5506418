/* The typeSignature object of a column (Trino client protocol): made from the type's own spelling, so the two cannot differ.
 *
 * type = name [ "(" argument { "," argument } ")" ] [ " with time zone" ];  argument = number | type | field-name type (rows). */
#include <string.h>

#include "api/api_int.h"

struct cursor {
    const char *at;
};

static void put_type(struct tl_json_writer *writer, struct cursor *cursor, int depth);

static void skip_spaces(struct cursor *cursor)
{
    while (*cursor->at == ' ')
        cursor->at++;
}

static bool take(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

/* A bare or quoted field name into buf. */
static void take_name(struct cursor *cursor, struct tl_buf *buf)
{
    if (*cursor->at != '"') {
        while (*cursor->at && !strchr(" ,()", *cursor->at))
            tl_buf_addc(buf, *cursor->at++);
        return;
    }
    cursor->at++;
    while (*cursor->at) {
        if (*cursor->at == '"' && *++cursor->at != '"')
            return;
        tl_buf_addc(buf, *cursor->at++);
    }
}

static void put_long(struct tl_json_writer *writer, int64_t number)
{
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "kind", "LONG");
    tl_json_pair_int64(writer, "value", number);
    tl_json_end_object(writer);
}

static void put_number(struct tl_json_writer *writer, struct cursor *cursor)
{
    int64_t number = 0;
    while (*cursor->at >= '0' && *cursor->at <= '9')
        number = number * 10 + (*cursor->at++ - '0');
    put_long(writer, number);
}

/* Does a field name come before the type?  In rows always, unless the field is anonymous: then one word is all there is. */
static bool has_field_name(struct cursor cursor)
{
    if (*cursor.at == '"')
        return true;
    while (*cursor.at && !strchr(" ,()", *cursor.at))
        cursor.at++;
    return *cursor.at == ' ' && strncmp(cursor.at, " with time zone", 15) != 0;
}

static void put_row_field(struct tl_json_writer *writer, struct cursor *cursor, int depth)
{
    tl_json_begin_object(writer);
    tl_json_pair_text(writer, "kind", "NAMED_TYPE");
    tl_json_key(writer, "value");
    tl_json_begin_object(writer);
    if (has_field_name(*cursor)) {
        struct tl_buf name;
        tl_buf_init(&name, 4096);
        take_name(cursor, &name);
        tl_json_key(writer, "fieldName");
        tl_json_begin_object(writer);
        tl_json_pair_text(writer, "name", tl_buf_cstr(&name));
        tl_json_end_object(writer);
        tl_buf_done(&name);
        skip_spaces(cursor);
    }
    tl_json_key(writer, "typeSignature");
    put_type(writer, cursor, depth + 1);
    tl_json_end_object(writer);
    tl_json_end_object(writer);
}

static void put_argument(struct tl_json_writer *writer, struct cursor *cursor, bool row, int depth)
{
    skip_spaces(cursor);
    if (*cursor->at >= '0' && *cursor->at <= '9') {
        put_number(writer, cursor);
    } else if (row) {
        put_row_field(writer, cursor, depth);
    } else {
        tl_json_begin_object(writer);
        tl_json_pair_text(writer, "kind", "TYPE");
        tl_json_key(writer, "value");
        put_type(writer, cursor, depth + 1);
        tl_json_end_object(writer);
    }
    skip_spaces(cursor);
}

static void put_type(struct tl_json_writer *writer, struct cursor *cursor, int depth)
{
    char name[64];
    size_t size = 0;
    while (*cursor->at && !strchr("(),", *cursor->at) && size < sizeof name - 1) {
        if (*cursor->at == ' ' && strncmp(cursor->at, " with time zone", 15) != 0 && strncmp(cursor->at, " to ", 4) != 0 &&
            strncmp(cursor->at, " day", 4) != 0 && strncmp(cursor->at, " year", 5) != 0)
            break;
        name[size++] = *cursor->at++;
        if (cursor->at[-1] == ' ') /* "with time zone", "day to second": the rest belongs to the name */
            while (*cursor->at && !strchr("(),", *cursor->at) && size < sizeof name - 1)
                name[size++] = *cursor->at++;
    }
    name[size] = '\0';
    const char *arguments = cursor->at;
    struct cursor after = *cursor;
    int level = 0; /* find what follows the arguments: " with time zone" is part of the name */
    if (*after.at == '(')
        do {
            level += *after.at == '(' ? 1 : *after.at == ')' ? -1 : 0;
            after.at++;
        } while (level > 0 && *after.at);
    bool zoned = *arguments == '(' && take(&after, " with time zone");
    tl_json_begin_object(writer);
    tl_json_key(writer, "rawType");
    struct tl_buf raw;
    tl_buf_init(&raw, 256);
    tl_buf_addf(&raw, "%s%s", name, zoned ? " with time zone" : "");
    tl_json_put_text(writer, tl_buf_cstr(&raw));
    tl_buf_done(&raw);
    tl_json_key(writer, "arguments");
    tl_json_begin_array(writer);
    if (*cursor->at == '(' && depth < TL_TYPE_DEPTH_MAX) {
        do {
            cursor->at++;
            put_argument(writer, cursor, strcmp(name, "row") == 0, depth);
        } while (*cursor->at == ',');
        if (*cursor->at == ')')
            cursor->at++;
        take(cursor, " with time zone");
    } else if (strcmp(name, "varchar") == 0) {
        put_long(writer, 2147483647);
    }
    tl_json_end_array(writer);
    tl_json_end_object(writer);
}

void tl_api_put_signature(struct tl_json_writer *writer, const char *trino_type)
{
    struct cursor cursor = {trino_type};
    put_type(writer, &cursor, 0);
}
