/* DataHub's names: commas, brackets and percents in a part are written as %2C and the like. */
#include <stdlib.h>
#include <string.h>

#include "catalog/datahub_int.h"
#include "door/statement.h"

#define DATASET "urn:li:dataset:(urn:li:dataPlatform:"
#define FIELD "urn:li:schemaField:("

static void put_part(struct tl_buf *buf, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (strchr("(),%", *at) || (unsigned char)*at < ' ')
            tl_buf_addf(buf, "%%%02X", (unsigned char)*at);
        else
            tl_buf_addc(buf, *at);
    }
}

static void put_own_part(struct tl_buf *buf, const char *part)
{
    struct tl_buf quoted;
    bool plain = *part && part[strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789_$")] == '\0' && !(*part >= '0' && *part <= '9');
    tl_buf_init(&quoted, DH_URN_BYTES_MAX);
    if (plain)
        tl_buf_adds(&quoted, part);
    else
        tl_buf_add_identifier(&quoted, part);
    put_part(buf, tl_buf_cstr(&quoted));
    tl_buf_done(&quoted);
}

void dh_put_dataset(struct tl_buf *buf, const struct lin_name *name)
{
    bool own = *name->schema != '\0';
    tl_buf_adds(buf, DATASET);
    put_part(buf, own ? "townlake" : name->source);
    tl_buf_addc(buf, ',');
    if (own) {
        put_own_part(buf, name->source);
        tl_buf_addc(buf, '.');
        put_own_part(buf, name->schema);
        tl_buf_addc(buf, '.');
        put_own_part(buf, name->table);
    } else {
        put_part(buf, name->table);
    }
    tl_buf_adds(buf, ",PROD)");
}

void dh_put_field(struct tl_buf *buf, const struct lin_name *name, const char *column)
{
    tl_buf_adds(buf, FIELD);
    dh_put_dataset(buf, name);
    tl_buf_addc(buf, ',');
    put_part(buf, column);
    tl_buf_addc(buf, ')');
}

static int hex(char c)
{
    const char *digits = "0123456789ABCDEF0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

/* A part as it was; NULL when it says nothing. */
static const char *read_part(tl_arena *arena, const char *text, size_t size)
{
    char *out = tl_arena_strndup(arena, text, size), *to = out;
    for (size_t i = 0; i < size; i++) {
        bool coded = text[i] == '%' && i + 2 < size && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
        *to = coded ? (char)(hex(text[i + 1]) * 16 + hex(text[i + 2])) : text[i];
        i += coded ? 2 : 0;
        if (!*to++)
            return NULL;
    }
    *to = '\0';
    size_t bad;
    return *out && tl_utf8_valid(out, (size_t)(to - out), &bad) ? out : NULL;
}

static bool read_own(tl_arena *arena, const char *text, struct lin_name *ret_name)
{
    struct tl_lexer lexer = {tl_str_of(text), 0};
    struct tl_name name;
    if (!tl_name_read(arena, &lexer, &name) || name.part_count != 3 || tl_lexer_next(&lexer).kind != TL_TOKEN_END)
        return false;
    *ret_name = (struct lin_name){name.parts[0], name.parts[1], name.parts[2]};
    return true;
}

bool dh_read_dataset(tl_arena *arena, const char *urn, struct lin_name *ret_name)
{
    size_t size = urn ? strlen(urn) : 0;
    if (size > DH_URN_BYTES_MAX || size < strlen(DATASET) || strncmp(urn, DATASET, strlen(DATASET)) != 0 || urn[size - 1] != ')')
        return false;
    const char *platform = urn + strlen(DATASET), *first = strchr(platform, ','), *last = strrchr(platform, ',');
    if (!first || first == last)
        return false;
    const char *source = read_part(arena, platform, (size_t)(first - platform)), *name = read_part(arena, first + 1, (size_t)(last - first) - 1);
    if (!source || !name)
        return false;
    if (strcmp(source, "townlake") == 0)
        return read_own(arena, name, ret_name);
    *ret_name = (struct lin_name){source, "", name};
    return true;
}

/* A path of the second version, "[version=2.0].[type=string].name": what is in brackets tells types. */
static const char *plain_path(const char *path)
{
    while (*path == '[') {
        const char *end = strchr(path, ']');
        if (!end)
            return path;
        path = end[1] == '.' ? end + 2 : end + 1;
    }
    return path;
}

bool dh_read_field(tl_arena *arena, const char *urn, struct lin_name *ret_name, const char **ret_column)
{
    size_t size = urn ? strlen(urn) : 0;
    if (size > DH_URN_BYTES_MAX || size < strlen(FIELD) || strncmp(urn, FIELD, strlen(FIELD)) != 0 || urn[size - 1] != ')')
        return false;
    const char *dataset = urn + strlen(FIELD), *end = strstr(dataset, "),");
    if (!end)
        return false;
    const char *column = read_part(arena, end + 2, (size_t)(urn + size - 1 - (end + 2)));
    *ret_column = column ? plain_path(column) : NULL;
    return *ret_column && **ret_column && dh_read_dataset(arena, tl_arena_strndup(arena, dataset, (size_t)(end + 1 - dataset)), ret_name);
}
