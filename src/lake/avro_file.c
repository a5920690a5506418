/* Object container files: a header with metadata and schema, then blocks of records, each packed by the file's codec. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/random.h"
#include "io/compress.h"
#include "lake/avro.h"
#include "lake/avro_int.h"

enum { SYNC_BYTES = 16, BLOCK_BYTES = 256 * 1024, RAW_WINDOW = -15, DEFLATE_LEVEL = 6, DEFLATE_MEMORY = 8, INFLATE_STEP = 256 * 1024 };
enum codec { CODEC_NULL, CODEC_DEFLATE, CODEC_ZSTANDARD, CODEC_SNAPPY };

static const char *const codecs[] = {"null", "deflate", "zstandard", "snappy"};
static const char magic[4] = {'O', 'b', 'j', 1};

static const struct tl_avro_schema plain_long = {.kind = TL_AVRO_LONG}, plain_bytes = {.kind = TL_AVRO_BYTES};
static const struct tl_avro_field pair_item = {.name = "", .id = -1, .schema = &plain_bytes};
/* the keys of a map are read as values of this list */
static const struct tl_avro_schema pairs = {.kind = TL_AVRO_ARRAY, .count = 1, .fields = &pair_item};

static enum tl_code broken(struct tl_err *err, const char *why)
{
    return tl_err_set(err, TL_STATE, "the Avro file cannot be read: %s", why);
}

/* Readers differ in which of two they take. */
static bool is_there_twice(const struct tl_avro_file *file)
{
    const char *key = file->metadata[file->metadata_count - 1].key;
    for (size_t i = 0; i + 1 < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return true;
    return false;
}

static enum tl_code read_header(struct tl_avro_file *file, struct tl_err *err)
{
    struct tl_avro_items items;
    struct tl_str key, value;
    file->metadata = TL_NEW_ARRAY(file->arena, struct tl_avro_pair, TL_AVRO_METADATA_MAX);
    if (!tl_avro_items(&file->rest, &pairs, &items))
        return broken(err, "its header is cut");
    while (tl_avro_next(&items)) {
        if (!tl_avro_get_bytes(&file->rest, &plain_bytes, &key) || !tl_avro_get_bytes(&file->rest, &plain_bytes, &value))
            break;
        if (file->metadata_count == TL_AVRO_METADATA_MAX)
            return tl_err_set(err, TL_TOO_LARGE, "the Avro file has more than %d entries in its header", TL_AVRO_METADATA_MAX);
        file->metadata[file->metadata_count++] = (struct tl_avro_pair){tl_arena_strndup(file->arena, key.data, key.size), value};
        if (is_there_twice(file))
            return broken(err, "its header says something twice");
    }
    if (file->rest.failed || file->rest.end - file->rest.at < SYNC_BYTES)
        return broken(err, "its header is cut");
    memcpy(file->sync, file->rest.at, SYNC_BYTES);
    file->rest.at += SYNC_BYTES;
    return TL_OK;
}

enum tl_code tl_avro_open(tl_arena *arena, struct tl_str bytes, struct tl_avro_file *ret_file, struct tl_err *err)
{
    if (bytes.size < sizeof magic || memcmp(bytes.data, magic, sizeof magic) != 0)
        return broken(err, "it does not begin as one");
    *ret_file = (struct tl_avro_file){.arena = arena};
    tl_avro_cursor_init(&ret_file->rest, bytes.data + sizeof magic, bytes.size - sizeof magic);
    if (read_header(ret_file, err) != TL_OK)
        return err->code;
    struct tl_str codec = tl_avro_metadata(ret_file, "avro.codec");
    if (codec.size == 0)
        codec = TL_STR("null");
    for (ret_file->codec = CODEC_NULL; ret_file->codec <= CODEC_SNAPPY; ret_file->codec++)
        if (tl_str_equal(codec, tl_str_of(codecs[ret_file->codec])))
            return tl_avro_schema_parse(arena, tl_avro_metadata(ret_file, "avro.schema"), &ret_file->schema, err);
    return tl_err_set(err, TL_UNSUPPORTED, "codec \"%.*s\" of the Avro file is not known", codec.size > 40 ? 40 : (int)codec.size, codec.data);
}

struct tl_str tl_avro_metadata(const struct tl_avro_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    return (struct tl_str){"", 0};
}

static bool inflate_raw(struct tl_str packed, struct tl_buf *to)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, RAW_WINDOW) != Z_OK)
        return false;
    stream.next_in = (Bytef *)(uintptr_t)packed.data;
    stream.avail_in = (uInt)packed.size;
    int status = Z_OK;
    while (status == Z_OK) {
        size_t room = to->size + INFLATE_STEP < to->max_size ? INFLATE_STEP : to->max_size - to->size;
        char *at = tl_buf_reserve(to, room ? room : 1); /* 1: beyond the limit, so the buffer fails */
        if (!at)
            break;
        stream.next_out = (Bytef *)at;
        stream.avail_out = (uInt)room;
        status = inflate(&stream, Z_NO_FLUSH);
        tl_buf_commit(to, room - stream.avail_out);
        if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
            break;
    }
    inflateEnd(&stream);
    return status == Z_STREAM_END; /* some writers leave bytes of a checksum behind the stream */
}

static bool unpack(enum codec codec, struct tl_str packed, struct tl_buf *to)
{
    if (codec == CODEC_DEFLATE)
        return inflate_raw(packed, to);
    if (codec == CODEC_ZSTANDARD)
        return tl_zstd_unpack(packed, to);
    /* snappy: the plain bytes' CRC-32 is behind the block */
    if (packed.size < 4 || !tl_avro_snappy((struct tl_str){packed.data, packed.size - 4}, to))
        return false;
    const uint8_t *sum = (const uint8_t *)packed.data + packed.size - 4;
    uint32_t want = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
    return crc32(0, (const Bytef *)to->data, (uInt)to->size) == want;
}

static enum tl_code unpack_block(struct tl_avro_file *file, struct tl_str *bytes, struct tl_err *err)
{
    struct tl_buf buf;
    tl_buf_init(&buf, TL_AVRO_UNPACKED_BYTES_MAX - file->unpacked_bytes);
    bool sound = unpack((enum codec)file->codec, *bytes, &buf);
    if (buf.failed)
        tl_err_set(err, TL_TOO_LARGE, "the Avro file unpacks to more than %d bytes", TL_AVRO_UNPACKED_BYTES_MAX);
    else if (!sound)
        broken(err, "a block cannot be unpacked");
    if (!err->code)
        *bytes = (struct tl_str){tl_arena_strndup(file->arena, buf.size ? buf.data : "", buf.size), buf.size};
    tl_buf_done(&buf);
    file->unpacked_bytes += bytes->size;
    return err->code;
}

enum tl_code tl_avro_block(struct tl_avro_file *file, struct tl_avro_cursor *ret_cursor, uint64_t *ret_count, struct tl_err *err)
{
    int64_t count;
    struct tl_str bytes;
    *ret_count = 0;
    do {
        if (file->rest.at == file->rest.end)
            return TL_OK;
        if (!tl_avro_get_long(&file->rest, &plain_long, &count) || count < 0 || !tl_avro_get_bytes(&file->rest, &plain_bytes, &bytes) ||
            file->rest.end - file->rest.at < SYNC_BYTES || memcmp(file->rest.at, file->sync, SYNC_BYTES) != 0) {
            file->rest.failed = true;
            return broken(err, "a block is cut or does not end where it should");
        }
        file->rest.at += SYNC_BYTES;
    } while (count == 0);
    if (file->codec != CODEC_NULL && unpack_block(file, &bytes, err) != TL_OK)
        return err->code;
    tl_avro_cursor_init(ret_cursor, bytes.data, bytes.size);
    if ((uint64_t)count > ret_cursor->steps_left)
        return broken(err, "a block says it has more records than it has bytes for");
    *ret_count = (uint64_t)count;
    return TL_OK;
}

/* --- writing --- */

enum tl_code tl_avro_begin(struct tl_avro_writer *writer, struct tl_buf *to, struct tl_str schema, const struct tl_avro_pair *metadata,
                           size_t metadata_count, bool deflate, struct tl_err *err)
{
    *writer = (struct tl_avro_writer){.to = to, .deflate = deflate};
    tl_buf_init(&writer->block, TL_AVRO_UNPACKED_BYTES_MAX);
    if (tl_random_bytes(writer->sync, SYNC_BYTES, err) != TL_OK)
        return err->code;
    tl_buf_add(to, magic, sizeof magic);
    tl_avro_put_long(to, (int64_t)metadata_count + 2);
    tl_avro_put_bytes(to, TL_STR("avro.schema"));
    tl_avro_put_bytes(to, schema);
    tl_avro_put_bytes(to, TL_STR("avro.codec"));
    tl_avro_put_bytes(to, tl_str_of(codecs[deflate ? CODEC_DEFLATE : CODEC_NULL]));
    for (size_t i = 0; i < metadata_count; i++) {
        tl_avro_put_bytes(to, tl_str_of(metadata[i].key));
        tl_avro_put_bytes(to, metadata[i].value);
    }
    tl_avro_put_long(to, 0);
    tl_buf_add(to, writer->sync, SYNC_BYTES);
    return TL_OK;
}

static bool deflate_raw(struct tl_str bytes, struct tl_buf *to)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, DEFLATE_LEVEL, Z_DEFLATED, RAW_WINDOW, DEFLATE_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&stream, bytes.size);
    char *at = tl_buf_reserve(to, room);
    stream.next_in = (Bytef *)(uintptr_t)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)at;
    stream.avail_out = (uInt)room;
    bool whole = at && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (at)
        tl_buf_commit(to, room - stream.avail_out);
    deflateEnd(&stream);
    return whole;
}

static void flush(struct tl_avro_writer *writer)
{
    if (writer->count == 0)
        return;
    struct tl_str bytes = {writer->block.size ? writer->block.data : "", writer->block.size};
    struct tl_buf packed;
    tl_buf_init(&packed, TL_AVRO_UNPACKED_BYTES_MAX);
    if (writer->deflate) {
        writer->to->failed |= !deflate_raw(bytes, &packed);
        bytes = (struct tl_str){packed.data, packed.size};
    }
    tl_avro_put_long(writer->to, (int64_t)writer->count);
    tl_avro_put_bytes(writer->to, bytes);
    tl_buf_add(writer->to, writer->sync, SYNC_BYTES);
    tl_buf_done(&packed);
    writer->to->failed |= writer->block.failed;
    tl_buf_clear(&writer->block);
    writer->count = 0;
}

void tl_avro_record(struct tl_avro_writer *writer)
{
    writer->count++;
    if (writer->block.size >= BLOCK_BYTES)
        flush(writer);
}

enum tl_code tl_avro_finish(struct tl_avro_writer *writer, struct tl_err *err)
{
    flush(writer);
    tl_buf_done(&writer->block);
    return writer->to->failed ? tl_err_set(err, TL_TOO_LARGE, "the Avro file would be larger than %zu bytes", writer->to->max_size) : TL_OK;
}
