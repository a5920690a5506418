/* Words of texts and names, folded and stemmed. */
#include <string.h>

#include "store/search_words.h"

/* U+00C0 .. U+017F without accents; a blank is no letter. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* One character: *ret_size bytes; 0xFFFD for a byte that is none. */
static uint32_t decode(struct tl_str text, size_t at, size_t *ret_size)
{
    const unsigned char *p = (const unsigned char *)text.data + at;
    size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
    *ret_size = 1;
    if (size == 1)
        return p[0];
    if (size == 0 || size > text.size - at)
        return 0xFFFD;
    uint32_t c = p[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (p[i] & 0x3F);
    }
    if ((size == 3 && c < 0x800) || (size == 4 && c < 0x10000) || (c >= 0xD800 && c <= 0xDFFF))
        return 0xFFFD;
    *ret_size = size;
    return c;
}

static bool is_upper(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_ideograph(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

/* As it is written in words; 0: not part of one. */
static uint32_t fold(uint32_t c)
{
    if (c < 0x80)
        return is_upper(c) ? c + 32 : (c >= 'a' && c <= 'z') || is_digit(c) ? c : 0;
    if (c < 0xC0)
        return c == 0xAA || c == 0xB5 || c == 0xBA ? c : 0;
    if (c < 0x180)
        return latin[c - 0xC0] == ' ' ? 0 : (unsigned char)latin[c - 0xC0];
    if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F)
        return c + 80;
    if ((c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xFE00 && c <= 0xFE6F) || c >= 0xFFF0)
        return c >= 0x10000 && c < 0x40000 ? c : 0;
    return c;
}

static size_t encode(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)((0xF00u >> size & 0xF0u) | c);
    return size;
}

/* --- stems --- */

static bool ends(const char *word, size_t size, const char *ending)
{
    size_t length = strlen(ending);
    return size > length && memcmp(word + size - length, ending, length) == 0;
}

static size_t without_plural(char *word, size_t size)
{
    if (size <= 3 || word[size - 1] != 's')
        return size;
    if (ends(word, size, "ies") && size > 4) {
        word[size - 3] = 'y';
        return size - 2;
    }
    if (ends(word, size, "sses") || ends(word, size, "xes") || ends(word, size, "ches") || ends(word, size, "shes"))
        return size - 2;
    return ends(word, size, "ss") || ends(word, size, "us") || ends(word, size, "is") ? size : size - 1;
}

/* "shipped" is shipp by now. */
static size_t without_double(const char *word, size_t size)
{
    char last = word[size - 1];
    return last == word[size - 2] && !strchr("aeioulsz", last) ? size - 1 : size;
}

static size_t without_tense(const char *word, size_t size)
{
    if (ends(word, size, "ing") && size >= 7)
        return without_double(word, size - 3);
    if (ends(word, size, "ed") && !ends(word, size, "eed") && size >= 6)
        return without_double(word, size - 2);
    if ((ends(word, size, "tion") || ends(word, size, "sion")) && size >= 8)
        return size - 3;
    return ends(word, size, "e") && size >= 5 ? size - 1 : size;
}

static void make_stem(struct tl_search_word *word)
{
    size_t size = strlen(word->surface);
    memcpy(word->stem, word->surface, size);
    for (size_t i = 0; i < size; i++)
        if (word->stem[i] < 'a' || word->stem[i] > 'z') {
            word->stem[size] = '\0';
            return; /* numbers, and what is not English */
        }
    size = without_plural(word->stem, size);
    word->stem[without_tense(word->stem, size)] = '\0';
}

/* --- words --- */

static bool is_small_at(struct tl_str text, size_t at)
{
    return at < text.size && text.data[at] >= 'a' && text.data[at] <= 'z';
}

/* Does another word begin at `c`, after `before`?  The text goes on at `next`. */
static bool is_boundary(struct tl_str text, size_t next, uint32_t before, uint32_t c)
{
    if (!is_upper(c))
        return false;
    if ((before >= 'a' && before <= 'z') || is_digit(before))
        return true;
    bool plural = next < text.size && text.data[next] == 's' && !is_small_at(text, next + 1); /* "IDs" */
    return is_upper(before) && is_small_at(text, next) && !plural;
}

bool tl_search_words_next(struct tl_search_words *it, struct tl_search_word *ret_word)
{
    size_t size = 0, step, filled = 0;
    uint32_t before = 0;
    ret_word->size = 0;
    for (; it->at < it->text.size; it->at += step) {
        uint32_t c = decode(it->text, it->at, &step), folded = fold(c);
        bool alone = folded && is_ideograph(folded);
        if (size && (!folded || alone || is_boundary(it->text, it->at + step, before, c)))
            break;
        if (!folded)
            continue;
        if (!size)
            ret_word->offset = it->at;
        size += step;
        if (filled + 4 <= TL_SEARCH_WORD_MAX)
            filled += encode(folded, ret_word->surface + filled);
        before = c;
        if (alone) {
            it->at += step;
            break;
        }
    }
    ret_word->size = size;
    ret_word->surface[filled] = '\0';
    make_stem(ret_word);
    return size > 0;
}

void tl_search_words_put(struct tl_buf *buf, struct tl_str text)
{
    struct tl_search_word word;
    for (struct tl_search_words it = {text, 0}; tl_search_words_next(&it, &word);) {
        if (buf->size && buf->data[buf->size - 1] != ' ' && buf->data[buf->size - 1] != '\n')
            tl_buf_addc(buf, ' ');
        tl_buf_adds(buf, word.stem);
    }
}

void tl_search_words_join(struct tl_buf *buf, struct tl_str text)
{
    struct tl_search_word word;
    for (struct tl_search_words it = {text, 0}; tl_search_words_next(&it, &word);)
        tl_buf_adds(buf, word.stem);
}
