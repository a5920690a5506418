/* A question as words, the phrases that a model gives, and the words that the grammar itself knows. */
#include <ctype.h>
#include <string.h>

#include "skipper/planner_int.h"

enum { PHRASES_MAX = 50000 };

/* --- words --- */

static bool is_inside(struct tl_str text, size_t at)
{
    return at > 0 && at + 1 < text.size && isdigit((unsigned char)text.data[at - 1]) && isdigit((unsigned char)text.data[at + 1]);
}

static bool belongs(struct tl_str text, size_t at)
{
    unsigned char c = (unsigned char)text.data[at];
    if (c == '.' || c == ',' || c == '-')
        return is_inside(text, at);
    return isalnum(c) || c == '_' || c >= 0x80;
}

/* "100", "0.9", "10k"; commas are dropped. */
static bool read_number(tl_arena *arena, const char *raw, const char **ret_text)
{
    char *text = tl_arena_strdup(arena, raw);
    size_t size = 0, points = 0, digits = 0;
    for (const char *c = raw; *c; c++) {
        if (*c == ',')
            continue;
        points += *c == '.';
        digits += *c >= '0' && *c <= '9';
        text[size++] = *c;
    }
    text[size] = '\0';
    char last = size ? (char)tolower((unsigned char)text[size - 1]) : '\0';
    if ((last == 'k' || last == 'm') && digits + points == size - 1 && digits > 0 && points == 0) {
        text[size - 1] = '\0';
        *ret_text = tl_arena_printf(arena, "%s%s", text, last == 'k' ? "000" : "000000");
        return true;
    }
    *ret_text = text;
    return digits > 0 && points <= 1 && digits + points == size;
}

static const char *stem_of(tl_arena *arena, const char *text)
{
    size_t size = strlen(text);
    if (size > 4 && strcmp(text + size - 3, "ies") == 0)
        return tl_arena_printf(arena, "%.*sy", (int)size - 3, text);
    if (size > 3 && text[size - 1] == 's' && text[size - 2] != 's')
        return tl_arena_strndup(arena, text, size - 1);
    return text;
}

static void add_word(tl_arena *arena, struct tl_str raw, struct tl_word *word)
{
    char *text = tl_arena_strndup(arena, raw.data, raw.size);
    word->raw = tl_arena_strdup(arena, text);
    for (char *c = text; *c; c++)
        *c = (char)((unsigned char)*c < 0x80 ? tolower((unsigned char)*c) : *c);
    word->number = read_number(arena, text, &word->text);
    if (!word->number)
        word->text = text;
    word->stem = stem_of(arena, word->text);
}

/* "'s" and a trailing underscore belong to no word; comparison signs are words. */
size_t tl_words_cut(tl_arena *arena, struct tl_str text, struct tl_word *words, size_t most)
{
    size_t count = 0;
    for (size_t at = 0; at < text.size && count < most;) {
        size_t begin = at;
        if (strchr("<>=", text.data[at]) && text.data[at]) {
            while (at < text.size && strchr("<>=", text.data[at]) && text.data[at])
                at++;
        } else if (text.data[at] == '\'' && at + 1 < text.size && (text.data[at + 1] == 's' || text.data[at + 1] == 'S') &&
                   (at + 2 == text.size || !belongs(text, at + 2))) {
            at += 2;
            continue;
        } else if (text.data[at] == ',') {
            at++; /* between numbers it belongs to them; else it joins like "and" */
        } else if (belongs(text, at)) {
            while (at < text.size && belongs(text, at))
                at++;
        } else {
            at++;
            continue;
        }
        add_word(arena, (struct tl_str){text.data + begin, at - begin}, &words[count++]);
    }
    return count;
}

/* --- phrases --- */

void tl_phrases_add(struct tl_phrases *phrases, const char *text, struct tl_meaning meaning)
{
    struct tl_word words[TL_PHRASE_WORDS_MAX + 1];
    char *plain = tl_arena_strdup(phrases->arena, text);
    for (char *c = plain; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    size_t count = tl_words_cut(phrases->arena, tl_str_of(plain), words, TL_PHRASE_WORDS_MAX + 1);
    if (count == 0 || count > TL_PHRASE_WORDS_MAX || phrases->count == PHRASES_MAX)
        return;
    if (phrases->count == phrases->capacity) {
        size_t capacity = phrases->capacity ? 2 * phrases->capacity : 256;
        phrases->items = tl_arena_grow(phrases->arena, phrases->items, phrases->capacity * sizeof *phrases->items, capacity * sizeof *phrases->items);
        phrases->capacity = capacity;
    }
    struct tl_phrase *phrase = &phrases->items[phrases->count++];
    phrase->word_count = count;
    phrase->meaning = meaning;
    for (size_t i = 0; i < count; i++)
        phrase->stems[i] = words[i].stem;
}

static void add_all(struct tl_phrases *phrases, const char *name, const struct tl_texts *synonyms, struct tl_meaning meaning)
{
    tl_phrases_add(phrases, name, meaning);
    for (size_t i = 0; i < synonyms->count; i++)
        tl_phrases_add(phrases, synonyms->items[i], meaning);
}

static void add_field(struct tl_phrases *phrases, int dataset, int f, const struct tl_semantic_field *field)
{
    struct tl_meaning meaning = {.kind = TL_MEANS_FIELD, .metric = -1, .dataset = dataset, .field = f};
    add_all(phrases, field->name, &field->synonyms, meaning);
    for (size_t i = 0; i < field->value_count; i++) {
        struct tl_meaning value = {TL_MEANS_VALUE, -1, dataset, f, field->values[i].value};
        for (size_t k = 0; k < field->values[i].words.count; k++)
            tl_phrases_add(phrases, field->values[i].words.items[k], value);
    }
}

void tl_phrases_of_model(tl_arena *arena, const tl_semantic *model, struct tl_phrases *ret_phrases)
{
    *ret_phrases = (struct tl_phrases){.arena = arena, .items = tl_arena_alloc(arena, 0)};
    for (size_t i = 0; i < model->metric_count; i++)
        add_all(ret_phrases, model->metrics[i].name, &model->metrics[i].synonyms, (struct tl_meaning){.kind = TL_MEANS_METRIC, .metric = (int)i});
    for (size_t i = 0; i < model->dataset_count; i++) {
        const struct tl_semantic_dataset *dataset = &model->datasets[i];
        if (dataset->key_count > 0 || dataset->shown_count > 0)
            add_all(ret_phrases, dataset->name, &dataset->synonyms, (struct tl_meaning){.kind = TL_MEANS_DATASET, .metric = -1, .dataset = (int)i});
        for (size_t f = 0; f < dataset->field_count; f++)
            if (dataset->fields[f].role != TL_ROLE_HIDDEN)
                add_field(ret_phrases, (int)i, (int)f, &dataset->fields[f]);
    }
}

static bool same_meaning(const struct tl_meaning *a, const struct tl_meaning *b)
{
    return a->kind == b->kind && a->metric == b->metric && a->dataset == b->dataset && a->field == b->field && tl_streq(a->value, b->value);
}

static void add_meaning(struct tl_meaning *meanings, size_t *count, const struct tl_meaning *meaning)
{
    for (size_t i = 0; i < *count; i++)
        if (same_meaning(&meanings[i], meaning))
            return;
    if (*count < TL_MEANINGS_MAX)
        meanings[(*count)++] = *meaning;
}

size_t tl_phrases_match(const struct tl_phrases *phrases, const struct tl_word *words, size_t at, size_t count, struct tl_meaning *ret_meanings,
                        size_t *ret_meaning_count)
{
    size_t longest = 0;
    *ret_meaning_count = 0;
    for (size_t i = 0; i < phrases->count; i++) {
        const struct tl_phrase *phrase = &phrases->items[i];
        size_t k = 0;
        while (k < phrase->word_count && at + k < count && strcmp(phrase->stems[k], words[at + k].stem) == 0)
            k++;
        if (k < phrase->word_count || k < longest)
            continue;
        if (k > longest)
            *ret_meaning_count = 0;
        longest = k;
        add_meaning(ret_meanings, ret_meaning_count, &phrase->meaning);
    }
    return longest;
}

/* --- cues --- */

static const struct {
    const char *text;
    enum tl_cue cue;
} cues[] = {
    {"by", TL_CUE_BY}, {"per", TL_CUE_BY}, {"for each", TL_CUE_BY}, {"for every", TL_CUE_BY}, {"in each", TL_CUE_BY}, {"of each", TL_CUE_BY},
    {"each", TL_CUE_BY},
    {"broken down by", TL_CUE_BY}, {"break it down by", TL_CUE_BY}, {"break down by", TL_CUE_BY}, {"break that down by", TL_CUE_BY},
    {"breakdown by", TL_CUE_BY},
    {"split by", TL_CUE_BY}, {"split it by", TL_CUE_BY}, {"grouped by", TL_CUE_BY}, {"group by", TL_CUE_BY}, {"ranked by", TL_CUE_BY}, {"sorted by", TL_CUE_BY},
    {"across", TL_CUE_BY}, {"in terms of", TL_CUE_BY}, {"according to", TL_CUE_BY},
    {"top", TL_CUE_TOP}, {"first", TL_CUE_TOP}, {"best", TL_CUE_BEST}, {"bottom", TL_CUE_BOTTOM}, {"worst", TL_CUE_BEST},
    {"most", TL_CUE_MOST}, {"highest", TL_CUE_MOST}, {"largest", TL_CUE_MOST}, {"biggest", TL_CUE_MOST}, {"greatest", TL_CUE_MOST}, {"busiest", TL_CUE_MOST},
    {"least", TL_CUE_LEAST}, {"lowest", TL_CUE_LEAST}, {"smallest", TL_CUE_LEAST}, {"fewest", TL_CUE_LEAST},
    {"without", TL_CUE_WITHOUT}, {"excluding", TL_CUE_WITHOUT}, {"exclude", TL_CUE_WITHOUT}, {"ignore", TL_CUE_WITHOUT}, {"ignoring", TL_CUE_WITHOUT},
    {"except", TL_CUE_WITHOUT}, {"except for", TL_CUE_WITHOUT}, {"not", TL_CUE_WITHOUT}, {"no", TL_CUE_WITHOUT}, {"non", TL_CUE_WITHOUT},
    {"other than", TL_CUE_WITHOUT}, {"leave out", TL_CUE_WITHOUT}, {"leaving out", TL_CUE_WITHOUT}, {"outside", TL_CUE_WITHOUT}, {"outside of", TL_CUE_WITHOUT},
    {"but not", TL_CUE_WITHOUT}, {"including", TL_CUE_INCLUDING}, {"include", TL_CUE_INCLUDING},
    {"how many", TL_CUE_HOW_MANY}, {"number of", TL_CUE_HOW_MANY}, {"count of", TL_CUE_HOW_MANY}, {"count", TL_CUE_HOW_MANY}, {"how much", TL_CUE_FILLER},
    {"list", TL_CUE_LIST}, {"list all", TL_CUE_LIST}, {"find", TL_CUE_LIST}, {"show", TL_CUE_LIST}, {"show me", TL_CUE_LIST}, {"which", TL_CUE_WHICH},
    {"who", TL_CUE_WHO}, {"that", TL_CUE_WHO}, {"whose", TL_CUE_WHO}, {"with", TL_CUE_WHO}, {"having", TL_CUE_WHO}, {"where", TL_CUE_WHO},
    {"change", TL_CUE_CHANGE}, {"changes", TL_CUE_CHANGE}, {"difference", TL_CUE_CHANGE}, {"growth", TL_CUE_CHANGE}, {"compared to", TL_CUE_VERSUS},
    {"compared with", TL_CUE_VERSUS}, {"compare to", TL_CUE_VERSUS}, {"compare with", TL_CUE_VERSUS}, {"compare", TL_CUE_CHANGE}, {"versus", TL_CUE_VERSUS},
    {"vs", TL_CUE_VERSUS}, {"against", TL_CUE_VERSUS}, {"relative to", TL_CUE_VERSUS}, {"did it change", TL_CUE_CHANGE},
    {"and", TL_CUE_AND}, {",", TL_CUE_COMMA}, {"or", TL_CUE_OR}, {"now", TL_CUE_FOLLOW}, {"what about", TL_CUE_FOLLOW}, {"how about", TL_CUE_FOLLOW}, {"same",
    TL_CUE_FOLLOW}, {"the same", TL_CUE_FOLLOW},
    {"instead", TL_CUE_FOLLOW}, {"only", TL_CUE_FOLLOW}, {"just", TL_CUE_FOLLOW}, {"also", TL_CUE_FOLLOW}, {"then", TL_CUE_FOLLOW},
    {"in the top", TL_CUE_IN_TOP}, {"among the top", TL_CUE_IN_TOP}, {"within the top", TL_CUE_IN_TOP}, {"are top", TL_CUE_IN_TOP},
    {">", TL_CUE_GREATER}, {"over", TL_CUE_GREATER}, {"above", TL_CUE_GREATER}, {"more than", TL_CUE_GREATER}, {"greater than", TL_CUE_GREATER},
    {"larger than", TL_CUE_GREATER}, {"higher than", TL_CUE_GREATER}, {"exceeding", TL_CUE_GREATER}, {"bigger than", TL_CUE_GREATER},
    {">=", TL_CUE_AT_LEAST}, {"at least", TL_CUE_AT_LEAST}, {"no less than", TL_CUE_AT_LEAST},
    {"<", TL_CUE_LESS}, {"under", TL_CUE_LESS}, {"below", TL_CUE_LESS}, {"less than", TL_CUE_LESS}, {"fewer than", TL_CUE_LESS}, {"lower than", TL_CUE_LESS},
    {"<=", TL_CUE_AT_MOST}, {"at most", TL_CUE_AT_MOST}, {"no more than", TL_CUE_AT_MOST}, {"up to", TL_CUE_AT_MOST},
    {"=", TL_CUE_EQUAL}, {"equal to", TL_CUE_EQUAL}, {"equals", TL_CUE_EQUAL}, {"exactly", TL_CUE_EQUAL}, {"all of them", TL_CUE_NO_LIMIT},
};

/* Words that carry no content of their own in such questions.  Whatever is not here and has no other place is told. */
static const char *const fillers[] = {
    "a", "about", "all", "am", "an", "any", "are", "as", "at", "be", "been", "bring", "brings", "brought", "can", "come", "comes", "coming",
    "could", "did", "do", "does", "done", "during",
    "far", "for", "from", "gave", "get", "gets", "give", "given", "go", "got", "had", "has", "have", "i", "in", "is", "it", "its", "like", "look",
    "looks", "made", "many",
    "me", "much", "my", "of", "on", "our", "out", "please", "see", "so", "tell", "the", "their", "them", "there", "these", "they", "this", "those",
    "to", "total",
    "us", "want", "was", "we", "were", "what", "when", "will", "would", "you", "your", "data", "break", "down", "make", "need", "know", "currently",
    "overall", "altogether",
    "generate", "generated", "write", "wrote", "hello", "hi", "thanks", "skipper", "value", "table", "figure", "figures", "numbers", "served",
    "sent", "use", "used", "uses", "ones",
};

size_t tl_cue_match(const struct tl_word *words, size_t at, size_t count, enum tl_cue *ret_cue)
{
    size_t longest = 0;
    *ret_cue = TL_CUE_NONE;
    for (size_t i = 0; i < sizeof cues / sizeof *cues; i++) {
        const char *text = cues[i].text;
        size_t k = 0;
        while (*text && at + k < count) {
            size_t size = strcspn(text, " ");
            if (strlen(words[at + k].text) != size || memcmp(words[at + k].text, text, size) != 0)
                break;
            text += size + (text[size] == ' ');
            k++;
        }
        if (!*text && k > longest) {
            longest = k;
            *ret_cue = cues[i].cue;
        }
    }
    for (size_t i = 0; longest == 0 && i < sizeof fillers / sizeof *fillers; i++)
        if (strcmp(fillers[i], words[at].text) == 0) {
            longest = 1;
            *ret_cue = TL_CUE_FILLER;
        }
    return longest;
}
