/* detectors/detectors_int.h -- the tables, one value's findings, and what the column's name says. */
#ifndef TL_DETECTORS_DETECTORS_INT_H
#define TL_DETECTORS_DETECTORS_INT_H

#include "detectors/detectors.h"

enum { DETECT_TEXT = 1, DETECT_INTEGER = 2, DETECT_NUMBER = 4, DETECT_DATE = 8 };
/* Byte classes of a pattern's needs; tools/gen/detectors.py has the same numbers. */
enum {
    NEED_LETTER = 1, NEED_DIGIT = 2, NEED_AT = 4, NEED_DOT = 8, NEED_COLON = 16, NEED_DASH = 32, NEED_SLASH = 64, NEED_EQUALS = 128,
    NEED_SEMICOLON = 256, NEED_SPACE = 512, NEED_UNDERSCORE = 1024,
};

struct detector_class {
    struct tl_detect_class public;
    double alone, named, against; /* shares of the values; see spec/detectors.toml */
    double chance, cover;
    bool inside, secret, person;
    unsigned kinds;
    const char *names, *near; /* one a line */
};

typedef bool (*detector_check)(struct tl_str found, struct tl_str value);

struct detector_pattern {
    int class_index;
    const char *regex;
    unsigned needs;
    int digits_min, digits_max, length_min, length_max;
    detector_check check; /* NULL = the form is enough */
    bool weak;
    const char *rule;     /* of secrets.toml; NULL = none */
    double entropy;
    int group;
    const char *keywords; /* one a line, lower case; NULL = none */
    const char *examples, *lookalikes; /* each with a NUL behind, an empty one at the end */
};

const struct detector_class *detector_classes(size_t *ret_count);
size_t detector_list_classes(const struct tl_detect_class *const **ret_classes); /* the public part of each */
const struct detector_pattern *detector_patterns(size_t *ret_count);

/* --- value.c: what one value holds --- */

struct value_features {
    unsigned bytes; /* NEED_ bits */
    int digits;
    uint64_t present[4]; /* which bytes, letters in lower case */
};

/* A bit a class. */
struct value_findings {
    uint64_t whole;  /* it is the value */
    uint64_t weak;   /* it may be: counts where the column's name speaks for it */
    uint64_t inside; /* it is part of the value */
    int given_up;
    int pattern;     /* a rule of secrets.toml that was met, -1 = none */
};

void value_features(struct tl_str value, struct value_features *ret_features);
bool value_meets(const struct detector_pattern *pattern, struct tl_str value, const struct value_features *features);
/* Without the space around it. */
struct tl_str value_trim(struct tl_str value);
/* "n/a", "-", "unknown" and the like say nothing. */
bool value_is_placeholder(struct tl_str value);
double value_entropy(struct tl_str value); /* bits a byte */
/* Letters as a or A, digits as 9, runs shortened: the form without the content. */
void value_shape(struct tl_str value, char ret_shape[TL_DETECT_SHAPE_MAX]);

typedef struct matcher matcher;       /* the compiled patterns, shared */
typedef struct match_memory match_memory; /* a thread's */
TL_CHECKED enum tl_code matcher_new(matcher **ret_matcher, struct tl_err *err);
matcher *matcher_free(matcher *patterns);
match_memory *match_memory_new(void);
match_memory *match_memory_free(match_memory *memory);
/* One pattern against one value.  *ret_whole: it is the value, not a part of it.  -1 = given up, 0 = no, 1 = yes. */
int matcher_run(const matcher *patterns, match_memory *memory, size_t pattern, struct tl_str value, bool *ret_whole);
void matcher_find(const matcher *patterns, match_memory *memory, struct tl_str value, unsigned kind, struct value_findings *ret_findings);

/* --- names.c: what the column is called --- */

struct name_evidence {
    uint64_t named; /* a bit a class: the column's name speaks for it */
    uint64_t near;  /* names of neighbours, or of the table, do */
    bool contrary;  /* the name speaks for something else: an order, a version, an amount */
};
void name_evidence(const struct tl_detect_column *column, struct name_evidence *ret_evidence);
/* "customerEMailAddr" -> "customer e mail addr"; at most size - 1 bytes. */
void name_words(const char *name, char *words, size_t size);

/* --- person.c: names of people --- */

typedef struct dictionary dictionary;
dictionary *dictionary_new(void);
dictionary *dictionary_free(dictionary *names);
enum person_look { PERSON_NOT, PERSON_MAYBE, PERSON_SURE };
/* Is the value the name of a person?  MAYBE: its form is right and a part of it is a name. */
enum person_look person_look(const dictionary *names, struct tl_str value);

/* --- judge.c --- */

struct class_counts {
    int64_t whole, weak, inside;
};
struct column_counts {
    int64_t checked, given_up;
    struct class_counts of[TL_DETECT_CLASSES_MAX];
    size_t mask_count;
    uint64_t *masks;        /* a value each: classes it is (whole or weak) */
    uint64_t *inside_masks;
    char shapes[TL_DETECT_CLASSES_MAX][TL_DETECT_SHAPE_MAX];
    int rules[TL_DETECT_CLASSES_MAX]; /* pattern + 1 of the last rule met */
};
size_t judge_column(const struct column_counts *counts, const struct name_evidence *names, const struct tl_detect_column *column,
                    unsigned kind, tl_arena *arena, const struct tl_detection **ret_detections);

/* --- validate.c --- */

enum { VALIDATE_DIGITS_MAX = 40 };
/* The decimal digits in the text; -1 = more than VALIDATE_DIGITS_MAX. */
int validate_digits(struct tl_str text, uint8_t digits[VALIDATE_DIGITS_MAX]);
bool validate_luhn(const uint8_t *digits, int count);
bool validate_uniform(const uint8_t *digits, int count); /* all the same: a filler, not a number */
bool validate_day(int year, int month, int day);

#endif
