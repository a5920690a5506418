/* Names of people, by dictionaries and form. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "detectors/detectors_int.h"
#include "people_names.h" /* generated: given_names, family_names, common_words, han_families, hangul_families */

enum { GIVEN = 1, FAMILY = 2, COMMON = 4, SLOTS = 1 << 15, TOKENS_MAX = 6, TOKEN_MAX = 40, NAME_BYTES_MAX = 80 };

struct slot {
    uint64_t hash; /* 0 = free */
    unsigned flags;
};

struct dictionary {
    struct slot slots[SLOTS];
};

static uint64_t hash_of(const char *text, size_t size)
{
    static const uint64_t key[2] = {0x746f776e6c616b65, 0x736b696d6d6572}; /* the words are ours: no caller can choose them */
    uint64_t hash = tl_hash_keyed(key, text, size);
    return hash ? hash : 1;
}

static size_t place_of(const dictionary *names, uint64_t hash)
{
    size_t at = hash % SLOTS;
    while (names->slots[at].hash && names->slots[at].hash != hash)
        at = (at + 1) % SLOTS;
    return at;
}

static void add_words(dictionary *names, const char *words, unsigned flags)
{
    for (const char *at = words; *at; at += strcspn(at, "\n") + 1) {
        size_t size = strcspn(at, "\n");
        uint64_t hash = hash_of(at, size);
        struct slot *slot = &names->slots[place_of(names, hash)];
        slot->hash = hash;
        slot->flags |= flags;
    }
}

dictionary *dictionary_new(void)
{
    dictionary *names = tl_heap_alloc(sizeof *names);
    add_words(names, given_names, GIVEN);
    add_words(names, family_names, FAMILY);
    add_words(names, common_words, COMMON);
    return names;
}

dictionary *dictionary_free(dictionary *names)
{
    free(names);
    return NULL;
}

static unsigned flags_of(const dictionary *names, const char *text, size_t size)
{
    return names->slots[place_of(names, hash_of(text, size))].flags; /* of a free one: none */
}

/* --- scripts without spaces or with endings of their own --- */

static bool starts_with_any(struct tl_str text, const char *list)
{
    for (const char *at = list; *at; at += strcspn(at, "\n") + 1) {
        size_t size = strcspn(at, "\n");
        if (size <= text.size && memcmp(at, text.data, size) == 0)
            return true;
    }
    return false;
}

static uint32_t code_point(const unsigned char *at)
{
    return (uint32_t)(at[0] & 0x0f) << 12 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
}

/* Characters of three bytes, perhaps with a space between. */
static int east_asian(struct tl_str value, bool *ret_hangul, bool *ret_kana)
{
    int count = 0;
    for (size_t i = 0; i < value.size;) {
        if (value.data[i] == ' ') {
            i++;
            continue;
        }
        if (i + 3 > value.size || ((unsigned char)value.data[i] & 0xf0) != 0xe0)
            return 0;
        uint32_t code = code_point((const unsigned char *)value.data + i);
        bool han = code >= 0x4e00 && code <= 0x9fff, hangul = code >= 0xac00 && code <= 0xd7a3, kana = code >= 0x3040 && code <= 0x30ff;
        if (!han && !hangul && !kana && code != 0x3005)
            return 0;
        *ret_hangul = hangul;
        *ret_kana = *ret_kana || kana;
        count++;
        i += 3;
    }
    return count;
}

static enum person_look look_east_asian(struct tl_str value)
{
    bool hangul = false, kana = false;
    int count = east_asian(value, &hangul, &kana);
    if (count < 1 || count > 7)
        return PERSON_NOT;
    if (count == 1)
        return PERSON_MAYBE;
    if (hangul)
        return count <= 4 && starts_with_any(value, hangul_families) ? PERSON_SURE : PERSON_MAYBE;
    if (starts_with_any(value, han_families) && count <= 6)
        return PERSON_SURE;
    return PERSON_MAYBE;
}

static bool ends_with_any(struct tl_str text, const char *const *endings)
{
    for (size_t i = 0; endings[i]; i++) {
        size_t size = strlen(endings[i]);
        if (text.size > size + 2 && memcmp(text.data + text.size - size, endings[i], size) == 0)
            return true;
    }
    return false;
}

/* --- words --- */

struct token {
    char lower[TOKEN_MAX]; /* ASCII letters in lower case */
    size_t size;
    bool capital, initial;
    struct tl_str text;
};

static bool in_list(const char *list, const struct token *token)
{
    for (const char *at = strstr(list, token->lower); at && token->size; at = strstr(at + 1, token->lower))
        if (at > list && at[-1] == ' ' && at[token->size] == ' ')
            return true;
    return false;
}

static const char title_words[] = " mr mrs ms miss dr prof sir dame lord lady herr frau fr hr m mme mlle sr sra srta don dona dott sig ing "
    "dipl jr snr ii iii iv phd md dds dvm mag "
                                  "rev capt esq cand univ bc mgr phdr mudr inz pan pani esq dhr mevr drs ir obe mbe mba rn do ";
static const char particle_words[] = " de van von der den la le du da dos das di del della bin ibn al el ter ten zu zum af av y e i the st "
    "san santa d o mac mc abd abu ";
static const char other_words[] =
    " inc llc ltd limited gmbh corp corporation co company group ag kg ohg sa sas sarl srl spa bv nv plc ab oy sons partners associates "
        "solutions systems technologies "
    "services industries holdings bank university school college hospital hotel restaurant shop store labs media studio and und et und & "
        "with for of in to on street "
    "road avenue support team sales info admin customer department office club center centre international global national foundation institute agency trust "
    "insurance consulting software data cloud digital pro plus premium basic standard enterprise set pack kit edition series size mini max "
        "ultra new classic original "
    "blue red black white green yellow orange purple pink grey gray silver golden wooden steel leather cotton plastic ergonomic rustic handcrafted refined "
    "generic fantastic incredible awesome gorgeous sleek practical tasty intelligent licensed unbranded handmade chair table shirt shoes "
        "hat gloves pants keyboard mouse "
    "computer phone car bike ball towels soap pizza cheese bacon sausages chips fish salad tuna chicken city town county state province "
        "republic island mountain river "
    "lake beach park airport station engineer manager director officer designer developer analyst nurse teacher assistant technician "
        "specialist consultant architect "
    "scientist accountant lawyer editor therapist surveyor operator administrator psychologist planner buyer producer trader executive researcher ";

static bool read_token(struct tl_str text, struct token *token)
{
    *token = (struct token){.text = text};
    size_t kept = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (unsigned char)c >= 0x80;
        if (!letter && c != '\'' && c != '.' && c != '`')
            return false;
        if (!letter)
            continue;
        if (kept + 1 >= TOKEN_MAX)
            return false;
        token->lower[kept++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    token->size = kept;
    token->capital = text.size && ((text.data[0] >= 'A' && text.data[0] <= 'Z') || (unsigned char)text.data[0] >= 0x80);
    token->initial = kept == 1 && token->capital;
    return kept > 0;
}

/* Words at spaces, commas and hyphens; -1 = no name of a person has this form. */
static int split(struct tl_str value, struct token tokens[TOKENS_MAX], bool *ret_comma)
{
    int count = 0;
    *ret_comma = false;
    for (size_t at = 0; at < value.size;) {
        size_t size = 0;
        while (at + size < value.size && !strchr(" ,-\t", value.data[at + size]))
            size++;
        if (at + size < value.size && value.data[at + size] == ',')
            *ret_comma = true;
        struct token token;
        if (size > 0 && !read_token((struct tl_str){value.data + at, size}, &token))
            return -1;
        if (size > 0 && !in_list(title_words, &token) && !in_list(particle_words, &token)) {
            if (count == TOKENS_MAX || in_list(other_words, &token))
                return -1;
            tokens[count++] = token;
        }
        at += size + 1;
    }
    return count;
}

static bool is_slavic(const struct token *token)
{
    static const char *const endings[] = {"ов", "ова", "ев", "ева", "ёв", "ёва", "ин", "ина", "ский", "ская", "енко", "чук", "юк", "ич",
        "вна", "ів", "ий", NULL};
    return ends_with_any(token->text, endings);
}

/* Family names by their endings, in languages of which no dictionary is complete. */
static bool has_family_ending(const struct token *token)
{
    static const char *const endings[] = {"sson", "sen", "ski", "ska", "wicz", "czyk", "ova", "ová", "ovic", "ovich", "escu", "idis",
        "opoulos", "akis", "enko", "chuk", "oglu", "oğlu",
                                          "inen", "nen", "mann", "berg", "strom", "ström", "quist", "qvist", "lund", "stein", "bauer",
                                              "mayer", "meier", "huber", "ez", "ini", "etti", "ucci",
                                          "elli", "ello", "eau", "ault", "ski", "cki", "dahl", "gaard", "vik", "stra", "sma", "veld",
                                              "huis", "ian", "yan", "dze", "shvili", "ný", "ský", NULL};
    struct tl_str lower = {token->lower, token->size};
    return token->size >= 5 && ends_with_any(lower, endings);
}

struct tally {
    int given, family, common, initials, unknown_capital, unknown_small, endings;
};

static struct tally tally_of(const dictionary *names, const struct token *tokens, int count)
{
    struct tally tally = {0};
    for (int i = 0; i < count; i++) {
        unsigned flags = flags_of(names, tokens[i].lower, tokens[i].size);
        bool known = flags & (GIVEN | FAMILY);
        tally.initials += tokens[i].initial;
        tally.common += (flags & COMMON) && !tokens[i].initial;
        if (known && !(flags & COMMON)) {
            tally.given += (flags & GIVEN) != 0;
            tally.family += (flags & FAMILY) != 0;
        } else if (!tokens[i].initial && !(flags & COMMON)) {
            bool ending = tokens[i].capital && (is_slavic(&tokens[i]) || has_family_ending(&tokens[i]));
            tally.endings += ending;
            tally.unknown_capital += tokens[i].capital && !ending;
            tally.unknown_small += !tokens[i].capital;
        }
    }
    return tally;
}

enum person_look person_look(const dictionary *names, struct tl_str value)
{
    struct token tokens[TOKENS_MAX];
    bool comma;
    if (value.size < 2 || value.size > NAME_BYTES_MAX)
        return PERSON_NOT;
    if ((unsigned char)value.data[0] >= 0xe3)
        return look_east_asian(value);
    int count = split(value, tokens, &comma);
    if (count < 1)
        return PERSON_NOT;
    struct tally tally = tally_of(names, tokens, count);
    int known = tally.given + tally.family + tally.endings;
    if (count == 1)
        return tally.given || tally.family ? PERSON_SURE : tally.common || tally.endings || tally.unknown_capital ? PERSON_MAYBE : PERSON_NOT;
    if (tally.unknown_small > 0 || known == 0)
        return tally.unknown_small == 0 && count <= 4 ? PERSON_MAYBE : PERSON_NOT;
    bool both = tally.given > 0 && (tally.family > 0 || tally.endings || tally.initials || count - tally.common >= 1);
    return both || tally.family >= 2 || tally.endings || (tally.family && tally.initials) ? PERSON_SURE : PERSON_MAYBE;
}
