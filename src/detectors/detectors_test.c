/* The detectors: every row of spec/detectors.toml by its own examples, columns as a whole, and values that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "detectors/detectors_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };
static matcher *patterns;
static match_memory *memory;
static dictionary *names;
static tl_detector *detector;

static int set_up(void **state)
{
    struct tl_err err;
    (void)state;
    tl_err_init(&err);
    assert_int_equal(matcher_new(&patterns, &err), TL_OK);
    memory = match_memory_new();
    names = dictionary_new();
    assert_int_equal(tl_detector_patterns.open(NULL, &detector, &err), TL_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_detector_patterns.close(detector);
    dictionary_free(names);
    match_memory_free(memory);
    matcher_free(patterns);
    return 0;
}

static bool found_by(size_t at, const char *text)
{
    size_t count;
    bool whole;
    const struct detector_pattern *pattern = &detector_patterns(&count)[at];
    struct tl_str value = value_trim(tl_str_of(text));
    struct value_features features;
    value_features(value, &features);
    return value_meets(pattern, value, &features) && matcher_run(patterns, memory, at, value, &whole) == 1;
}

static void every_example_is_found_and_no_lookalike(void **state)
{
    size_t count, class_count, examples = 0;
    const struct detector_pattern *rows = detector_patterns(&count);
    const struct detector_class *classes = detector_classes(&class_count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const char *name = classes[rows[i].class_index].public.info_type;
        for (const char *text = rows[i].examples; *text; text += strlen(text) + 1, examples++)
            if (!found_by(i, text))
                fail_msg("%s, pattern %zu: \"%s\" is not found", name, i, text);
        for (const char *text = rows[i].lookalikes; *text; text += strlen(text) + 1)
            if (found_by(i, text))
                fail_msg("%s, pattern %zu: \"%s\" is taken for one", name, i, text);
    }
    assert_true(examples > 150);
}

/* What a row needs must be in every match: the pattern alone finds its examples, so the needs must let them pass. */
static void the_needs_of_a_row_hold_for_what_its_pattern_finds(void **state)
{
    size_t count;
    const struct detector_pattern *rows = detector_patterns(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t other = 0; other < count; other++)
            for (const char *text = rows[other].examples; *text; text += strlen(text) + 1) {
                bool whole;
                struct tl_str value = value_trim(tl_str_of(text));
                struct value_features features;
                value_features(value, &features);
                if (matcher_run(patterns, memory, i, value, &whole) == 1 && !rows[i].rule && !value_meets(&rows[i], value, &features))
                    fail_msg("pattern %zu finds \"%s\", its needs do not let it pass", i, text);
            }
}

/* --- tokens --- */

static void tokens_of_services_are_found_by_their_rules(void **state)
{
    static const char *const cases[][3] = {
        {"aws-access-key", "AKIA", "QYLPMN5HFIQR7XYZ"},
        {"gcp-api-key", "AIza", "SyD3kQ9vXw7Lm2Nr8Tb5Yc1Ze6Uf4Gh0Jk_"},
        {"google-oauth-secret", "GOCSPX-", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"},
        {"github-token", "ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"},
        {"gitlab-token", "glpat-", "a1B2c3D4e5F6g7H8i9J0"},
        {"slack-token", "xoxb-", "123456789012-abcdefGHIJKL"},
        {"stripe-key", "sk_live_", "a1B2c3D4e5F6g7H8i9J0k1L2"},
        {"twilio-key", "SK", "0123456789abcdef0123456789abcdef"},
        {"sendgrid-key", "SG.", "a1B2c3D4e5F6g7H8i9J0kL.m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H"},
        {"openai-key", "sk-", "proj-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"},
        {"anthropic-key", "sk-ant-", "api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"},
        {"huggingface-token", "hf_", "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"},
        {"npm-token", "npm_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"},
        {"digitalocean-token", "dop_v1_", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"shopify-token", "shpat_", "0123456789abcdef0123456789abcdef"},
        {"telegram-token", "123456789", ":AAHa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"},
        {"databricks-token", "dapi", "0123456789abcdef0123456789abcdef"},
        {"vault-token", "hvs.", "CAESIa1B2c3D4e5F6g7H8i9J0k1L2m3N4"},
        {"townlake-token", "tlk_live_", "0123456789abcdef01234567"},
        {"bearer-header", "Bearer ", "a1B2c3D4e5F6g7H8i9J0k1L2m3"},
        {"assigned-secret", "password", " = 'Tr0ub4dor&3xKq'"},
    };
    size_t count;
    const struct detector_pattern *rows = detector_patterns(&count);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        bool met = false, known = false;
        snprintf(text, sizeof text, "%s%s", cases[i][1], cases[i][2]);
        for (size_t p = 0; p < count; p++)
            if (tl_streq(rows[p].rule, cases[i][0])) {
                known = true;
                met = found_by(p, text);
            }
        if (!known || !met)
            fail_msg("rule %s does not find its token", cases[i][0]);
    }
}

static void a_filler_is_no_token(void **state)
{
    struct value_findings findings;
    (void)state;
    matcher_find(patterns, memory, tl_str_of("ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), DETECT_TEXT, &findings);
    assert_int_equal(findings.pattern, -1);
    matcher_find(patterns, memory, tl_str_of("the token expired yesterday"), DETECT_TEXT, &findings);
    assert_int_equal(findings.pattern, -1);
}

/* --- columns --- */

struct column {
    const char *table, *name;
    const struct tl_type *type;
    const char *neighbours[4];
};

static const struct tl_detection *judge(tl_arena *arena, const struct column *column, const char *const *values, size_t count, size_t *ret_count)
{
    size_t neighbours = 0;
    while (neighbours < 4 && column->neighbours[neighbours])
        neighbours++;
    struct tl_detect_column of = {column->table, column->name, column->type, neighbours, column->neighbours};
    tl_detect_run *run = tl_detector_patterns.begin(detector, &of);
    for (size_t i = 0; i < count; i++) {
        struct tl_str value = tl_str_of(values[i]);
        tl_detector_patterns.add(run, &value, 1);
    }
    const struct tl_detection *detections;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_detector_patterns.judge(run, arena, &detections, ret_count, &err), TL_OK);
    tl_detector_patterns.end(run);
    return detections;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The first class found, or "". */
static const char *first(const struct column *column, const char *const *values, size_t count)
{
    static char name[64];
    size_t found;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    const struct tl_detection *detections = judge(arena, column, values, count, &found);
    snprintf(name, sizeof name, "%s", found ? detections[0].class->info_type : "");
    tl_arena_free(arena);
    return name;
}

static void a_column_is_told_by_its_values_whatever_it_is_called(void **state)
{
    static const char *const mails[] = {"ann@example.com", "bob@example.org", "n/a", "", "c.d@mail.example.net"};
    static const char *const people[] = {"Anna Schmidt", "James Miller", "José García", "Marie Dubois", "Piotr Nowak", "John Smith"};
    static const char *const ibans[] = {"DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"};
    static const char *const addresses[] = {"203.0.113.9", "198.51.100.77", "192.0.2.200"};
    (void)state;
    assert_string_equal(first(&(struct column){.name = "c7"}, mails, COUNT(mails)), "EMAIL_ADDRESS");
    assert_string_equal(first(&(struct column){.name = "c7"}, people, COUNT(people)), "PERSON_NAME");
    assert_string_equal(first(&(struct column){.name = "c7"}, ibans, COUNT(ibans)), "IBAN_CODE");
    assert_string_equal(first(&(struct column){.name = "c7"}, addresses, COUNT(addresses)), "IP_ADDRESS");
}

static void the_name_decides_where_values_cannot(void **state)
{
    static const char *const versions[] = {"1.2.3.4", "1.2.4.0", "2.0.0.1", "2.1.10.3"};
    static const char *const days[] = {"1984-03-09", "1951-12-30", "2001-06-17", "1975-07-01"};
    static const char *const numbers[] = {"219099998", "123456788", "457559999", "078051120"};
    (void)state;
    assert_string_equal(first(&(struct column){.name = "version"}, versions, COUNT(versions)), "");
    assert_string_equal(first(&(struct column){.name = "client_ip"}, versions, COUNT(versions)), "IP_ADDRESS");
    assert_string_equal(first(&(struct column){.name = "date_of_birth"}, days, COUNT(days)), "DATE_OF_BIRTH");
    assert_string_equal(first(&(struct column){.name = "created_at"}, days, COUNT(days)), "");
    assert_string_equal(first(&(struct column){.name = "ssn"}, numbers, COUNT(numbers)), "US_SOCIAL_SECURITY_NUMBER");
    assert_string_equal(first(&(struct column){.name = "order_number"}, numbers, COUNT(numbers)), "");
}

static void lookalikes_are_left_alone(void **state)
{
    static const char *const orders[] = {"4000001234567890", "4000001234567891", "4000001234567892", "4000001234567893", "4000001234567894", "4000001234567895",
                                         "4000001234567896", "4000001234567897", "4000001234567898", "4000001234567899"};
    static const char *const products[] = {"Rustic Wooden Chair", "Sleek Steel Lamp", "Olive Oil", "Stone Table", "Ruby Ring"};
    static const char *const hashes[] = {"9f86d081884c7d659a2feaa0c55ad015", "e3b0c44298fc1c149afbf4c8996fb924", "5f4dcc3b5aa765d61d8327deb882cf99"};
    static const char *const uuids[] = {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "38400000-8cf0-11bd-b23e-10b96e40000d"};
    static const char *const moments[] = {"1700000000", "1700003600", "1700007200"};
    (void)state;
    assert_string_equal(first(&(struct column){.name = "number"}, orders, COUNT(orders)), "");
    assert_string_equal(first(&(struct column){.name = "name"}, products, COUNT(products)), "");
    assert_string_equal(first(&(struct column){.name = "etag"}, hashes, COUNT(hashes)), "");
    assert_string_equal(first(&(struct column){.name = "id"}, uuids, COUNT(uuids)), "");
    assert_string_equal(first(&(struct column){.name = "ts"}, moments, COUNT(moments)), "");
}

static void words_about_a_thing_are_not_the_thing(void **state)
{
    static const char *const hashes[] = {"9f86d081884c7d659a2feaa0c55ad015", "e3b0c44298fc1c149afbf4c8996fb924", "5f4dcc3b5aa765d61d8327deb882cf99"};
    static const char *const yes[] = {"true", "false", "true"};
    (void)state;
    assert_string_equal(first(&(struct column){.name = "email_hash"}, hashes, COUNT(hashes)), "PSEUDONYM");
    assert_string_equal(first(&(struct column){.name = "password_digest"}, hashes, COUNT(hashes)), "PASSWORD_HASH");
    assert_string_equal(first(&(struct column){.name = "email_verified"}, yes, COUNT(yes)), "");
    assert_string_equal(first(&(struct column){.name = "password_changed_at"}, hashes, COUNT(hashes)), "");
}

static void neighbours_and_tables_speak_for_people(void **state)
{
    static const char *const unsure[] = {"Amber Stone", "Zorana Quillfeather", "Rose Hill", "Okwudili Abara", "Grace King"};
    (void)state;
    assert_string_equal(first(&(struct column){.table = "products", .name = "name"}, unsure, COUNT(unsure)), "");
    assert_string_equal(first(&(struct column){.table = "customers", .name = "name", .neighbours = {"email", "phone"}}, unsure, COUNT(unsure)), "PERSON_NAME");
}

static void text_that_holds_something_says_what(void **state)
{
    static const char *const texts[] = {"please call me at +1 415 555 0123 about it", "nothing here", "mail ann@example.com",
        "again bob@example.com please", "no"};
    size_t count;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    (void)state;
    const struct tl_detection *found = judge(arena, &(struct column){.name = "body"}, texts, COUNT(texts), &count);
    assert_true(count >= 1);
    assert_string_equal(found[0].class->info_type, "EMAIL_ADDRESS");
    assert_true(found[0].inside);
    assert_int_equal(found[0].hits, 2);
    assert_int_equal(found[0].checked, 5);
    tl_arena_free(arena);
}

static void evidence_holds_no_value(void **state)
{
    static const char *const mails[] = {"secret.person@hidden.example", "other.person@hidden.example"};
    size_t count;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    (void)state;
    const struct tl_detection *found = judge(arena, &(struct column){.name = "contact_email"}, mails, COUNT(mails), &count);
    assert_int_equal(count, 1);
    assert_null(strstr(found[0].shape, "secret"));
    assert_null(strstr(found[0].reason, "hidden"));
    assert_string_equal(found[0].shape, "aaaa+.aaaa+@aaaa+.aaaa+");
    assert_string_equal(found[0].reason, "2 of 2 values have this form: e-mail address; the name \"contact_email\" says so too");
    tl_arena_free(arena);
}

static void empty_columns_are_judged_by_their_names(void **state)
{
    static const char *const nothing[] = {"", "n/a", "-", "NULL", "  "};
    (void)state;
    assert_string_equal(first(&(struct column){.name = "email"}, nothing, COUNT(nothing)), "EMAIL_ADDRESS");
    assert_string_equal(first(&(struct column){.name = "email"}, NULL, 0), "EMAIL_ADDRESS");
    assert_string_equal(first(&(struct column){.name = "c1"}, nothing, COUNT(nothing)), "");
}

/* --- values that mean harm --- */

/* Of this thread: other work on the machine does not count. */
static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void hostile_values_take_bounded_time(void **state)
{
    enum { SIZE = TL_DETECT_VALUE_BYTES_MAX, ALLOWED_US = 50000 };
    static const char *const units[] = {"a@", "a.", "1-", "1 ", "a@a.", "(", "0:", "=;", "http://a?", "a=b&", "eyJ.", "12 a ", "Aa ",
        "\xff\xfe", "str. ", "1a2b:", "4111 ", "x=\"", "-----"};
    char *text = malloc(SIZE);
    struct value_findings findings;
    (void)state;
    for (size_t i = 0; i < COUNT(units); i++) {
        for (size_t at = 0; at < SIZE; at++)
            text[at] = units[i][at % strlen(units[i])];
        int64_t before_us = cpu_us();
        matcher_find(patterns, memory, (struct tl_str){text, SIZE}, DETECT_TEXT, &findings);
        person_look(names, (struct tl_str){text, SIZE});
        int64_t took_us = cpu_us() - before_us;
        if (took_us > ALLOWED_US)
            fail_msg("a value of \"%s\" took %lld us", units[i], (long long)took_us);
    }
    free(text);
}

static void names_of_columns_are_read_as_words(void **state)
{
    static const char *const cases[][2] = {{"customerEMailAddr", "customer e mail addr "}, {"IPAddress", "ip address "}, {"user_id", "user id "},
                                           {"Stra\xc3\x9f" "e", "strasse "}, {"T\xc3\xa9l\xc3\xa9phone", "telephone "}, {"SSN", "ssn "},
                                               {"", " "}, {"__x--y", "x y "}};
    char words[64];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        name_words(cases[i][0], words, sizeof words);
        assert_string_equal(words, cases[i][1]);
    }
    name_words("averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylongname", words, sizeof words);
    assert_int_equal(strlen(words), sizeof words - 1);
}

static void people_are_known_in_many_languages(void **state)
{
    static const char *const people[] = {"John Smith", "smith, john", "Dr. Anna-Lena Schmidt", "JOHN SMITH", "José Luis García Pérez",
        "Иванов Иван", "李小龙", "김민준", "佐藤 健",
                                         "Mr. Lars van der Berg", "Kevin O'Brien", "R. Patel"};
    static const char *const others[] = {"Acme GmbH", "Smith & Sons", "Rustic Chair 12", "hello world how are you", "error: no such file",
        "x", "42 Main Street", "Smith, Jones and Brown"};
    (void)state;
    for (size_t i = 0; i < COUNT(people); i++)
        if (person_look(names, tl_str_of(people[i])) != PERSON_SURE)
            fail_msg("\"%s\" is not known as a person", people[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        if (person_look(names, tl_str_of(others[i])) == PERSON_SURE)
            fail_msg("\"%s\" is taken for a person", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_found_and_no_lookalike),
        cmocka_unit_test(the_needs_of_a_row_hold_for_what_its_pattern_finds),
        cmocka_unit_test(tokens_of_services_are_found_by_their_rules),
        cmocka_unit_test(a_filler_is_no_token),
        cmocka_unit_test(a_column_is_told_by_its_values_whatever_it_is_called),
        cmocka_unit_test(the_name_decides_where_values_cannot),
        cmocka_unit_test(lookalikes_are_left_alone),
        cmocka_unit_test(words_about_a_thing_are_not_the_thing),
        cmocka_unit_test(neighbours_and_tables_speak_for_people),
        cmocka_unit_test(text_that_holds_something_says_what),
        cmocka_unit_test(evidence_holds_no_value),
        cmocka_unit_test(empty_columns_are_judged_by_their_names),
        cmocka_unit_test(hostile_values_take_bounded_time),
        cmocka_unit_test(names_of_columns_are_read_as_words),
        cmocka_unit_test(people_are_known_in_many_languages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
