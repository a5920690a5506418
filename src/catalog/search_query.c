/* A query as it was typed, and what its words may stand for. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/search_int.h"

static const uint64_t place_key[2] = {0x717565, 0x7279};

/* Words of questions that say nothing of what is looked for. */
static const char *const stop_words[] = {"a", "all", "an", "and", "any", "are", "be", "by", "can", "column", "columns", "data", "dataset", "datasets", "do",
    "does", "find", "for", "from", "get", "has", "have", "how", "i", "in", "is", "it", "list", "me", "my", "of", "on", "or", "our", "show", "table", "tables",
    "that", "the", "their", "there", "they", "this", "to", "was", "we", "were", "what", "when", "where", "which", "who", "whose", "with"};

static bool is_stop_word(const char *word)
{
    for (size_t i = 0; i < sizeof stop_words / sizeof *stop_words; i++)
        if (strcmp(stop_words[i], word) == 0)
            return true;
    return false;
}

/* --- the table of stems --- */

static size_t place_of(const char *stem, size_t size)
{
    return tl_hash_keyed(place_key, stem, size) & (SRCH_PLACES - 1);
}

static void add_use(struct srch_query *query, struct srch_place use, size_t size)
{
    if (query->use_count == sizeof query->uses / sizeof *query->uses)
        return;
    size_t at = place_of(use.stem, size);
    for (; query->places[at]; at = (at + 1) & (SRCH_PLACES - 1))
        if (strcmp(query->uses[query->places[at] - 1].stem, use.stem) == 0)
            break;
    query->lengths[(unsigned char)use.stem[0]] |= 1ull << (size & 63);
    use.next = query->places[at];
    query->uses[query->use_count++] = use;
    query->places[at] = (uint16_t)query->use_count;
}

const struct srch_place *srch_query_use(const struct srch_query *query, const char *stem, size_t size)
{
    if (!(query->lengths[(unsigned char)stem[0]] & 1ull << (size & 63)))
        return NULL;
    for (size_t at = place_of(stem, size); query->places[at]; at = (at + 1) & (SRCH_PLACES - 1)) {
        const struct srch_place *use = &query->uses[query->places[at] - 1];
        if (strncmp(use->stem, stem, size) == 0 && use->stem[size] == '\0')
            return use;
    }
    return NULL;
}

const struct srch_place *srch_query_next(const struct srch_query *query, const struct srch_place *use)
{
    return use->next ? &query->uses[use->next - 1] : NULL;
}

/* --- alternatives --- */

static void add_alternative(struct srch_query *query, size_t term_index, const char *stems, const char *surface, double weight, enum srch_how how)
{
    struct srch_term *term = &query->terms[term_index];
    if (term->count == SRCH_ALTERNATIVES_MAX || !*stems)
        return;
    for (size_t i = 0; i < term->count; i++)
        if (strcmp(term->alternatives[i].stems, stems) == 0)
            return;
    struct srch_alternative *alternative = &term->alternatives[term->count];
    *alternative = (struct srch_alternative){.stems = stems, .surface = surface, .weight = weight, .how = how};
    for (const char *at = stems; *at && alternative->word_count < SRCH_PHRASE_WORDS_MAX; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        const char *stem = tl_arena_strndup(query->rq->arena, at, size);
        struct srch_place use = {stem, (uint16_t)term_index, (uint16_t)term->count, (uint16_t)alternative->word_count, 0};
        add_use(query, use, size);
        alternative->word_count++;
        at += size;
    }
    term->count++;
}

static enum tl_code add_synonyms(struct srch_query *query, size_t term, const char *stems, struct tl_err *err)
{
    struct tl_search_synonym others[SRCH_SYNONYMS_MAX];
    size_t count;
    enum tl_code code = tl_search_synonyms(query->tx, query->rq->arena, stems, SRCH_SYNONYMS_MAX, others, &count, err);
    for (size_t i = 0; code == TL_OK && i < count; i++)
        add_alternative(query, term, others[i].stems, others[i].text, 0.8, SRCH_SYNONYM);
    return code;
}

/* "cust" is the beginning of "customer": what is left out counts against it. */
static enum tl_code add_completions(struct srch_query *query, size_t term, const char *typed, struct tl_err *err)
{
    struct tl_search_vocable words[2 * SRCH_COMPLETIONS_MAX];
    size_t count, size = strlen(typed);
    if (size < 2)
        return TL_OK;
    enum tl_code code = tl_search_completions(query->tx, query->rq->arena, typed, SRCH_COMPLETIONS_MAX, words, &count, err);
    for (size_t i = 0; code == TL_OK && i < count; i++)
        add_alternative(query, term, words[i].stem, words[i].surface, 0.4 + 0.4 * (double)size / (double)strlen(words[i].surface), SRCH_BEGINNING);
    return code;
}

/* How rare a word is among what everybody may read.  What stands in columns only is as rare as a word in few. */
static enum tl_code set_rarity(struct srch_query *query, struct srch_term *term, struct tl_err *err)
{
    int64_t most = 0;
    for (size_t i = 0; i < term->count; i++) {
        int64_t count = 0;
        if (term->alternatives[i].word_count == 1 && tl_search_stem_count(query->tx, term->alternatives[i].stems, &count, err) != TL_OK)
            return err->code;
        most = count > most ? count : most;
    }
    double rarity = log(1 + (query->documents - (double)most + 0.5) / ((double)most + 0.5));
    term->rarity = rarity < 0.2 ? 0.2 : rarity > 6 ? 6 : rarity;
    return TL_OK;
}

/* --- reading --- */

struct typed_word {
    char surface[TL_SEARCH_WORD_MAX + 1], stem[TL_SEARCH_WORD_MAX + 1];
};

static const char *join(struct srch_query *query, const struct typed_word *words, size_t count)
{
    struct tl_buf joined;
    tl_buf_init(&joined, 4096);
    for (size_t i = 0; i < count; i++)
        tl_buf_adds(&joined, words[i].stem);
    const char *text = tl_arena_strdup(query->rq->arena, tl_buf_cstr(&joined));
    tl_buf_done(&joined);
    return text;
}

static size_t read_words(struct srch_query *query, const char *text, struct typed_word *words)
{
    struct tl_search_word word;
    size_t count = 0, kept = 0;
    for (struct tl_search_words it = {tl_str_of(text), 0}; count < TL_SEARCH_QUERY_WORDS_MAX && tl_search_words_next(&it, &word); count++) {
        memcpy(words[count].surface, word.surface, sizeof word.surface);
        memcpy(words[count].stem, word.stem, sizeof word.stem);
    }
    for (size_t i = 0; i < count; i++)
        kept += !is_stop_word(words[i].surface);
    query->joined[1] = join(query, words, count);
    if (kept > 0) {
        size_t all = count;
        count = 0;
        for (size_t i = 0; i < all; i++)
            if (!is_stop_word(words[i].surface))
                words[count++] = words[i];
    }
    query->joined[0] = join(query, words, count);
    return count;
}

static const char *phrase_of(struct srch_query *query, const struct typed_word *words, size_t count, bool surfaces)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(&buf, "%s%s", i ? " " : "", surfaces ? words[i].surface : words[i].stem);
    const char *phrase = tl_arena_strdup(query->rq->arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return phrase;
}

/* The longest phrase that the glossary knows another word for; one word when it knows none. */
static enum tl_code take_term(struct srch_query *query, const struct typed_word *words, size_t left, bool last, size_t *ret_taken, struct tl_err *err)
{
    size_t length = left < SRCH_PHRASE_WORDS_MAX ? left : SRCH_PHRASE_WORDS_MAX, known = 0;
    struct tl_search_synonym others[1];
    for (; length > 1 && !known; length -= !known)
        if (tl_search_synonyms(query->tx, query->rq->arena, phrase_of(query, words, length, false), 1, others, &known, err) != TL_OK)
            return err->code;
    size_t index = query->term_count++;
    const char *stems = phrase_of(query, words, length, false);
    query->terms[index].typed = phrase_of(query, words, length, true);
    add_alternative(query, index, stems, query->terms[index].typed, 1, SRCH_AS_TYPED);
    enum tl_code code = add_synonyms(query, index, stems, err);
    if (code == TL_OK && last && length == left && length == 1)
        code = add_completions(query, index, words[0].surface, err);
    if (code == TL_OK)
        code = set_rarity(query, &query->terms[index], err);
    *ret_taken = length;
    return code;
}

enum tl_code srch_query_read(struct srch_query *query, struct tl_err *err)
{
    struct typed_word words[TL_SEARCH_QUERY_WORDS_MAX];
    const char *text = query->asked->text ? query->asked->text : "";
    size_t count = read_words(query, text, words), taken = 1;
    bool open_end = *text && text[strlen(text) - 1] != ' ';
    int64_t documents = 0;
    enum tl_code code = tl_search_count(query->tx, &documents, err);
    query->documents = (double)documents;
    for (size_t i = 0; code == TL_OK && i < count; i += taken)
        code = take_term(query, words + i, count - i, open_end, &taken, err);
    return code;
}

enum tl_code srch_query_correct(struct srch_query *query, bool *ret_more, struct tl_err *err)
{
    struct tl_search_vocable words[2 * SRCH_SLIPS_MAX];
    enum tl_code code = TL_OK;
    *ret_more = false;
    for (size_t t = 0; code == TL_OK && t < query->term_count; t++) {
        struct srch_term *term = &query->terms[t];
        size_t count = 0, before = term->count;
        if (term->found)
            continue;
        if (!strchr(term->typed, ' '))
            code = tl_search_neighbours(query->tx, query->rq->arena, term->typed, SRCH_SLIPS_MAX, words, &count, err);
        for (size_t i = 0; code == TL_OK && i < count; i++)
            add_alternative(query, t, words[i].stem, words[i].surface, 0.6, SRCH_SLIP);
        if (term->count == before)
            continue;
        *ret_more = true;
        if (code == TL_OK)
            code = set_rarity(query, term, err);
    }
    return code;
}
