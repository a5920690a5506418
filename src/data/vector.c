#include "data/vector.h"

enum { TEXT_BYTES_MAX = 256 * 1024 * 1024, CHILD_ROWS_MAX = 1 << 24 };

struct heap_chunk {
    struct tl_chunk chunk;
    tl_arena *arena;     /* vectors */
    tl_arena *texts;     /* bytes of long texts, forgotten by reset */
    size_t texts_bytes;
};

struct heap_vector {
    struct heap_chunk *owner;
    uint64_t capacity;        /* rows */
    uint64_t *validity_words; /* kept over resets, NULL until needed */
};

static size_t words_of(uint64_t rows)
{
    return (size_t)((rows + 63) / 64);
}

/* Bytes a row takes in `data`. */
static size_t vector_width(const struct tl_type *type)
{
    if (tl_type_is_text(type))
        return sizeof(struct tl_text);
    if (type->id == TL_TYPE_LIST || type->id == TL_TYPE_MAP)
        return sizeof(struct tl_span);
    return tl_type_width(type);
}

static uint64_t *make_validity(struct tl_vector *vector)
{
    struct heap_vector *heap = vector->engine_vector;
    size_t words = words_of(heap->capacity);
    if (!heap->validity_words)
        heap->validity_words = TL_NEW_ARRAY(heap->owner->arena, uint64_t, words);
    memset(heap->validity_words, 0xFF, words * sizeof(uint64_t));
    vector->validity = heap->validity_words;
    return vector->validity;
}

static char *text_space(struct tl_vector *vector, size_t size)
{
    struct heap_chunk *owner = ((struct heap_vector *)vector->engine_vector)->owner;
    if (size > TEXT_BYTES_MAX - owner->texts_bytes)
        return NULL;
    owner->texts_bytes += size;
    return tl_arena_alloc(owner->texts, size);
}

static void grow_validity(struct tl_vector *vector, uint64_t capacity)
{
    struct heap_vector *heap = vector->engine_vector;
    if (!heap->validity_words)
        return;
    size_t before = words_of(heap->capacity), after = words_of(capacity);
    heap->validity_words = tl_arena_grow(heap->owner->arena, heap->validity_words, before * sizeof(uint64_t),
                                         after * sizeof(uint64_t));
    memset(heap->validity_words + before, 0xFF, (after - before) * sizeof(uint64_t));
    if (vector->validity)
        vector->validity = heap->validity_words;
}

/* A STRUCT's children have as many rows as itself. */
static void grow(struct tl_vector *vector, uint64_t capacity)
{
    struct heap_vector *heap = vector->engine_vector;
    size_t width = vector_width(vector->type);
    if (width > 0)
        vector->data = tl_arena_grow(heap->owner->arena, vector->data, (size_t)heap->capacity * width,
                                     (size_t)capacity * width);
    grow_validity(vector, capacity);
    heap->capacity = capacity;
    if (vector->type->id == TL_TYPE_STRUCT)
        for (uint32_t i = 0; i < vector->type->child_count; i++)
            grow(&vector->children[i], capacity);
}

static bool reserve_child(struct tl_vector *vector, uint64_t rows)
{
    struct heap_vector *child = vector->children[0].engine_vector;
    if (rows > CHILD_ROWS_MAX)
        return false;
    uint64_t capacity = child->capacity;
    while (capacity < rows)
        capacity *= 2;
    if (capacity > child->capacity)
        grow(&vector->children[0], capacity);
    return true;
}

static const struct tl_vector_ops heap_ops = {make_validity, text_space, reserve_child};

/* The element of a MAP as a type of its own. */
static const struct tl_type *map_entry_type(tl_arena *arena, const struct tl_type *map)
{
    static const char *const names[] = {"key", "value"};
    struct tl_type *entry = TL_NEW(arena, struct tl_type);
    *entry = (struct tl_type){.id = TL_TYPE_STRUCT, .child_count = 2, .children = map->children, .child_names = names};
    return entry;
}

static void init(struct tl_vector *vector, struct heap_chunk *owner, const struct tl_type *type)
{
    struct heap_vector *heap = TL_NEW(owner->arena, struct heap_vector);
    size_t width = vector_width(type);
    *heap = (struct heap_vector){.owner = owner, .capacity = TL_VECTOR_ROWS_MAX};
    vector->type = type;
    vector->ops = &heap_ops;
    vector->engine_vector = heap;
    if (width > 0)
        vector->data = tl_arena_alloc(owner->arena, width * TL_VECTOR_ROWS_MAX);
    uint32_t count = type->id == TL_TYPE_MAP ? 1 : type->child_count;
    if (count == 0)
        return;
    vector->children = TL_NEW_ARRAY(owner->arena, struct tl_vector, count);
    for (uint32_t i = 0; i < count; i++)
        init(&vector->children[i], owner,
             type->id == TL_TYPE_MAP ? map_entry_type(owner->arena, type) : &type->children[i]);
}

static void end_texts(void *context)
{
    tl_arena_free(context);
}

struct tl_chunk *tl_chunk_new(tl_arena *arena, const struct tl_type *const *types, size_t column_count)
{
    struct heap_chunk *owner = TL_NEW(arena, struct heap_chunk);
    owner->arena = arena;
    owner->texts = tl_arena_new(TEXT_BYTES_MAX);
    tl_arena_defer(arena, end_texts, owner->texts);
    owner->chunk.column_count = column_count;
    owner->chunk.columns = TL_NEW_ARRAY(arena, struct tl_vector, column_count);
    for (size_t i = 0; i < column_count; i++)
        init(&owner->chunk.columns[i], owner, types[i]);
    return &owner->chunk;
}

static uint32_t child_vectors(const struct tl_vector *vector)
{
    return vector->type->id == TL_TYPE_MAP ? 1 : vector->type->child_count;
}

static void reset(struct tl_vector *vector)
{
    vector->validity = NULL;
    vector->child_rows = 0;
    for (uint32_t i = 0; i < child_vectors(vector); i++)
        reset(&vector->children[i]);
}

void tl_chunk_reset(struct tl_chunk *chunk)
{
    chunk->row_count = 0;
    for (size_t i = 0; i < chunk->column_count; i++)
        reset(&chunk->columns[i]);
    if (chunk->column_count > 0) {
        struct heap_chunk *owner = ((struct heap_vector *)chunk->columns[0].engine_vector)->owner;
        tl_arena_reset(owner->texts);
        owner->texts_bytes = 0;
    }
}

void tl_vector_set_null(struct tl_vector *vector, size_t row)
{
    if (!vector->validity)
        vector->validity = vector->ops->make_validity(vector);
    vector->validity[row / 64] &= ~(UINT64_C(1) << (row % 64));
    /* Nothing stale is left to be followed: an empty text, an empty span. */
    if (tl_type_is_text(vector->type))
        ((struct tl_text *)vector->data)[row] = (struct tl_text){0};
    else if (vector->type->id == TL_TYPE_LIST || vector->type->id == TL_TYPE_MAP)
        ((struct tl_span *)vector->data)[row] = (struct tl_span){0};
    else if (vector->type->id == TL_TYPE_STRUCT)
        for (uint32_t i = 0; i < vector->type->child_count; i++)
            tl_vector_set_null(&vector->children[i], row);
}

bool tl_vector_is_null(const struct tl_vector *vector, size_t row)
{
    return vector->validity && !(vector->validity[row / 64] >> (row % 64) & 1);
}

bool tl_vector_set_text(struct tl_vector *vector, size_t row, const char *bytes, size_t size)
{
    struct tl_text text = {.size = (uint32_t)size};
    if (size <= TL_TEXT_INLINE_MAX) {
        size_t head = size < sizeof text.prefix ? size : sizeof text.prefix;
        if (head > 0)
            memcpy(text.prefix, bytes, head);
        if (size > head)
            memcpy(text.tail.rest, bytes + head, size - head);
    } else {
        char *space = size > UINT32_MAX ? NULL : vector->ops->text_space(vector, size);
        if (!space)
            return false;
        memcpy(space, bytes, size);
        memcpy(text.prefix, bytes, sizeof text.prefix);
        text.tail.pointer = space;
    }
    ((struct tl_text *)vector->data)[row] = text;
    return true;
}

struct tl_str tl_vector_text(const struct tl_vector *vector, size_t row)
{
    const struct tl_text *text = (const struct tl_text *)vector->data + row;
    if (text->size > TL_TEXT_INLINE_MAX)
        return (struct tl_str){text->tail.pointer, text->size};
    return (struct tl_str){(const char *)text + offsetof(struct tl_text, prefix), text->size};
}

struct tl_vector *tl_vector_add_list(struct tl_vector *vector, size_t row, uint64_t count)
{
    if (count > UINT64_MAX - vector->child_rows || !vector->ops->reserve_child(vector, vector->child_rows + count))
        return NULL;
    ((struct tl_span *)vector->data)[row] = (struct tl_span){.offset = vector->child_rows, .count = count};
    vector->child_rows += count;
    return &vector->children[0];
}
