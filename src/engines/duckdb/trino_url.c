/* Parts of a URL as java.net.URI has them: what it does not read gives NULL. */
#include <ctype.h>
#include <string.h>

#include "base/hex.h"
#include "engines/duckdb/trino_text.h"

enum { PORT_DIGITS_MAX = 9 };

struct url {
    struct tl_str scheme, host, port, path, query, fragment;
    bool has_scheme, has_host, has_query, has_fragment;
};

/* The byte that a percent sign at `at` stands for; false: no two digits are behind it. */
static bool read_percent(struct tl_str text, size_t at, char *ret_byte)
{
    return at + 2 < text.size && tl_hex_read(ret_byte, text.data + at + 1, 1);
}

/* Blanks, quotes and the like make no URI; a percent sign needs two digits behind it. */
static bool is_plain(struct tl_str text)
{
    char byte;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 0x7F || strchr("\"<>\\^`{|}", c))
            return false;
        if (c == '%' && !read_percent(text, i, &byte))
            return false;
    }
    return true;
}

static size_t find_any(struct tl_str text, size_t from, const char *any)
{
    while (from < text.size && !strchr(any, text.data[from]))
        from++;
    return from;
}

static struct tl_str slice(struct tl_str text, size_t from, size_t to)
{
    return (struct tl_str){text.data + from, to - from};
}

/* user@host:port.  A host that is none (an underscore in a name) leaves no host. */
static bool read_authority(struct tl_str text, struct url *url)
{
    size_t start = 0, end;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '@')
            start = i + 1;
    bool bracket = start < text.size && text.data[start] == '[';
    end = bracket ? find_any(text, start, "]") + 1 : find_any(text, start, ":");
    if (end > text.size)
        return false;
    for (size_t i = start; !bracket && i < end; i++)
        if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-' && text.data[i] != '.')
            return true;
    if (end < text.size) {
        if (text.data[end] != ':')
            return true;
        url->port = slice(text, end + 1, text.size);
        for (size_t i = 0; i < url->port.size; i++)
            if (!isdigit((unsigned char)url->port.data[i]) || url->port.size > PORT_DIGITS_MAX) {
                url->port.size = 0;
                return true;
            }
    }
    url->host = slice(text, start, end);
    url->has_host = end > start;
    return true;
}

static size_t scheme_size(struct tl_str text)
{
    size_t end = find_any(text, 0, ":/?#");
    if (end == 0 || end >= text.size || text.data[end] != ':' || !isalpha((unsigned char)text.data[0]))
        return 0;
    for (size_t i = 0; i < end; i++)
        if (!isalnum((unsigned char)text.data[i]) && !strchr("+-.", text.data[i]))
            return 0;
    return end;
}

static bool read_url(struct tl_str text, struct url *url)
{
    *url = (struct url){.has_scheme = false};
    if (!is_plain(text))
        return false;
    size_t at = scheme_size(text);
    url->scheme = slice(text, 0, at);
    url->has_scheme = at > 0;
    at += at > 0;
    if (url->has_scheme && (at == text.size || text.data[at] == '#'))
        return false; /* nothing behind the scheme */
    if (!url->has_scheme && at < text.size && text.data[at] == ':')
        return false;
    if (url->has_scheme && text.data[at] != '/') { /* mailto:a@b: no path, no query */
        size_t end = find_any(text, at, "#");
        url->has_fragment = end < text.size;
        url->fragment = slice(text, end + url->has_fragment, text.size);
        return true;
    }
    if (at + 1 < text.size && text.data[at] == '/' && text.data[at + 1] == '/') {
        size_t end = find_any(text, at + 2, "/?#");
        if (!read_authority(slice(text, at + 2, end), url))
            return false;
        at = end;
    }
    size_t query = find_any(text, at, "?#"), fragment = find_any(text, query, "#");
    url->path = slice(text, at, query);
    url->has_query = query < fragment;
    url->query = slice(text, query + url->has_query, fragment);
    url->has_fragment = fragment < text.size;
    url->fragment = slice(text, fragment + url->has_fragment, text.size);
    return true;
}

static void put_decoded(struct tl_buf *out, struct tl_str text, bool plus)
{
    for (size_t i = 0; i < text.size; i++) {
        char byte;
        if (text.data[i] == '%' && read_percent(text, i, &byte)) {
            tl_buf_addc(out, byte);
            i += 2;
        } else {
            tl_buf_addc(out, plus && text.data[i] == '+' ? ' ' : text.data[i]);
        }
    }
}

/* Bytes that are no UTF-8 once they are decoded become U+FFFD. */
static enum tl_code give_decoded(struct tl_buf *out, struct tl_str text, bool plus, struct tl_trino_value *ret, struct tl_err *err)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, text.size + 1);
    put_decoded(&bytes, text, plus);
    struct tl_trino_value value = {.text = {bytes.data, bytes.size}};
    enum tl_code code = tl_trino_utf8(&value, out, ret, err);
    tl_buf_done(&bytes);
    return code;
}

TL_TRINO_FUNCTION(tl_trino_url_protocol)
{
    struct url url;
    if (!read_url(args[0].text, &url))
        return TL_OK;
    tl_buf_add(out, url.scheme.data, url.scheme.size);
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_host)
{
    struct url url;
    if (!read_url(args[0].text, &url))
        return TL_OK;
    tl_buf_add(out, url.host.data, url.host.size);
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_port)
{
    struct url url;
    if (!read_url(args[0].text, &url) || !url.has_host || url.port.size == 0)
        return TL_OK;
    ret->number = 0;
    for (size_t i = 0; i < url.port.size; i++)
        ret->number = ret->number * 10 + (url.port.data[i] - '0');
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_path)
{
    struct url url;
    return read_url(args[0].text, &url) ? give_decoded(out, url.path, false, ret, err) : TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_query)
{
    struct url url;
    return read_url(args[0].text, &url) ? give_decoded(out, url.query, false, ret, err) : TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_fragment)
{
    struct url url;
    return read_url(args[0].text, &url) ? give_decoded(out, url.fragment, false, ret, err) : TL_OK;
}

/* The first pair of that name, as the query has it. */
TL_TRINO_FUNCTION(tl_trino_url_parameter)
{
    struct url url;
    if (!read_url(args[0].text, &url) || !url.has_query)
        return TL_OK;
    for (size_t at = 0; at <= url.query.size;) {
        size_t end = find_any(url.query, at, "&"), equals = find_any(slice(url.query, 0, end), at, "=");
        if (equals - at == args[1].text.size && memcmp(url.query.data + at, args[1].text.data, args[1].text.size) == 0)
            return give_decoded(out, slice(url.query, equals + (equals < end), end), true, ret, err);
        at = end + 1;
    }
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_encode)
{
    for (size_t i = 0; i < args[0].text.size; i++) {
        unsigned char c = (unsigned char)args[0].text.data[i];
        if (c == ' ')
            tl_buf_addc(out, '+');
        else if ((c < 0x80 && isalnum(c)) || (c && strchr("*-._", c)))
            tl_buf_addc(out, (char)c);
        else
            tl_buf_addf(out, "%%%02X", c);
    }
    ret->null = false;
    return TL_OK;
}

TL_TRINO_FUNCTION(tl_trino_url_decode)
{
    return give_decoded(out, args[0].text, true, ret, err);
}
