/* What a column is called, and what its neighbours are. */
#include <string.h>

#include "detectors/detectors_int.h"

enum { WORDS_MAX = 256 };

/* Letters of Latin-1 without their marks: the second byte after 0xC3. */
static const char *plain_letter(unsigned char second)
{
    static const char *const letters[64] = {
        "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", " ", "o", "u",
            "u", "u", "u", "y", "th", "ss",
        "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", " ", "o", "u",
            "u", "u", "u", "y", "th", "y"};
    return second >= 0x80 && second < 0xc0 ? letters[second - 0x80] : " ";
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

struct word_writer {
    char *begin, *at, *end;
    bool gap;
};

static void put(struct word_writer *to, char c)
{
    if (c == ' ') {
        to->gap = true;
        return;
    }
    if (to->gap && to->at > to->begin && to->at < to->end)
        *to->at++ = ' ';
    to->gap = false;
    if (to->at < to->end)
        *to->at++ = c;
}

void name_words(const char *name, char *words, size_t size)
{
    struct word_writer to = {words, words, words + size - 1, false};
    for (const char *p = name; *p; p++) {
        char before = p > name ? p[-1] : ' ';
        if ((unsigned char)*p == 0xc3 && p[1]) {
            for (const char *plain = plain_letter((unsigned char)p[1]); *plain; plain++)
                put(&to, *plain);
            p++;
        } else if (is_upper(*p)) {
            if (is_lower(before) || (is_upper(before) && is_lower(p[1])))
                put(&to, ' ');
            put(&to, (char)(*p | 0x20));
        } else {
            put(&to, is_lower(*p) || (*p >= '0' && *p <= '9') || (unsigned char)*p >= 0x80 ? *p : ' ');
        }
    }
    if (to.at < to.end)
        *to.at++ = ' ';
    *to.at = '\0';
}

/* "phone2" is a phone; "ipv4" and "sha256" are words of their own. */
static void cut_numbers(char *words)
{
    static const char *const kept[] = {"ipv4", "ipv6", "md5", "sha1", "sha256", "sha512", "oauth2"};
    char *to = words;
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, " "), used = size;
        bool keep = false;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            keep = keep || (strlen(kept[i]) == size && memcmp(kept[i], at, size) == 0);
        while (!keep && used > 1 && at[used - 1] >= '0' && at[used - 1] <= '9')
            used--;
        *to++ = ' ';
        memmove(to, at, used);
        to += used;
        at += size;
    }
    *to++ = ' ';
    *to = '\0';
}

static bool has_word(const char *words, const char *list)
{
    for (const char *at = words + 1; *at;) {
        size_t size = strcspn(at, " ");
        const char *found = size ? list : NULL;
        while (found && (found = memmem(found, strlen(found), at, size))) {
            if (found > list && found[-1] == ' ' && found[size] == ' ')
                return true;
            found++;
        }
        at += size + (at[size] == ' ');
    }
    return false;
}

/* Words that make of "email" something about e-mails: email_verified, phone_type, has_address. */
static const char after_words[] =
    " verified valid validated confirmed confirmation count counts type types kind status state at on ts time timestamp date flag enabled domain provider "
    "length size template hash hashed md5 sha sha1 sha256 checksum country prefix id ids uuid optin consent preference preferences format regex pattern label "
    "version policy expires expiry expiration expired attempts changed reset rotated updated created score rank class category index "
        "quality lang language visible "
    "public sent opened clicked bounced place city ttl limit usage used scope scopes name method bytes title subject notifications enabled region zone asn ";
static const char before_words[] =
    " is has have can num count n total any avg max min sum wants allow send sends hide show use requires allowed days last_used ip email "
        "mail mac web url memory "
    "contract wallet hw product company brand event file host page campaign street_count ";
/* Words of names for something that is no person: what has the form of a number or name may be one of these. */
static const char contrary_words[] =
    " order orders invoice version versions ver build release sku product item article part model amount price cost total sum qty quantity "
        "count balance revenue "
    "timestamp epoch unix created updated modified tracking shipment parcel batch lot barcode ean upc gtin isbn asin checksum commit sha "
        "etag digest company brand "
    "category city town country title branch file filename path status type currency sequence seq revision firmware software release txn "
        "transaction ref reference ticket "
    "zip zipcode postal postcode host hostname domain color colour team department project vendor supplier manufacturer merchant organization organisation org "
    "campaign plan tier region state province job role position species genre album song movie book publisher topic subject keyword tag "
        "label slug code codes measure "
    "metric sensor reading port duration bytes size length width height weight temperature row line index rank score level step build number_of serial ";

static bool starts_at(const char *words, const char *name, size_t size, const char **ret_at)
{
    for (const char *at = words; (at = memmem(at, strlen(at), name, size)); at++)
        if (at > words && at[-1] == ' ' && at[size] == ' ') {
            *ret_at = at;
            return true;
        }
    return false;
}

/* Is it said of the thing itself? */
static bool is_about(const char *words, const char *at, size_t size)
{
    char before[WORDS_MAX + 2];
    size_t length = (size_t)(at - words);
    memcpy(before, words, length);
    before[length] = '\0';
    return !has_word(at + size, after_words) && !has_word(before, before_words);
}

static bool speaks(const char *words, const char *names, bool near)
{
    for (const char *name = names; *name; name += strcspn(name, "\n") + 1) {
        const char *at;
        size_t size = strcspn(name, "\n");
        if (starts_at(words, name, size, &at) && (near || is_about(words, at, size)))
            return true;
    }
    return false;
}

static void words_of(const char *name, char words[WORDS_MAX])
{
    words[0] = ' ';
    name_words(name, words + 1, WORDS_MAX - 2);
    cut_numbers(words);
}

static bool names_people(const char *table)
{
    static const char people[] = " user users customer customers client clients person persons people employee employees staff contact "
        "contacts patient patients member "
                                 "members lead leads student students subscriber subscribers passenger passengers guest guests driver drivers account accounts "
                                 "profile profiles applicant applicants candidate candidates author authors voter voters tenant tenants attendee attendees ";
    char words[WORDS_MAX];
    words_of(table, words);
    return has_word(words, people);
}

void name_evidence(const struct tl_detect_column *column, struct name_evidence *ret_evidence)
{
    size_t count;
    const struct detector_class *classes = detector_classes(&count);
    char words[WORDS_MAX];
    *ret_evidence = (struct name_evidence){0};
    words_of(column->name ? column->name : "", words);
    ret_evidence->contrary = has_word(words, contrary_words);
    for (size_t i = 0; i < count; i++)
        if (speaks(words, classes[i].names, false))
            ret_evidence->named |= (uint64_t)1 << i;
    for (size_t n = 0; n < column->neighbour_count && n < TL_DETECT_NEIGHBOURS_MAX; n++) {
        words_of(column->neighbours[n], words);
        for (size_t i = 0; i < count; i++)
            if (*classes[i].near && !tl_streq(column->neighbours[n], column->name) && speaks(words, classes[i].near, true))
                ret_evidence->near |= (uint64_t)1 << i;
    }
    for (size_t i = 0; column->table && i < count; i++)
        if (classes[i].person && names_people(column->table))
            ret_evidence->near |= (uint64_t)1 << i;
}
