/* Any bytes as a text: its words follow one another inside it, are UTF-8, short, and the same when they are read again. */
#include <assert.h>
#include <string.h>

#include "store/search_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_search_word word, again;
    size_t end = 0, bad;
    for (struct tl_search_words it = {{(const char *)data, size}, 0}; tl_search_words_next(&it, &word);) {
        size_t length = strlen(word.surface);
        assert(word.offset >= end && word.size > 0 && word.offset + word.size <= size && it.at >= word.offset + word.size);
        assert(length > 0 && length <= TL_SEARCH_WORD_MAX && strlen(word.stem) <= length && word.stem[0]);
        assert(tl_utf8_valid(word.surface, length, &bad) && !strpbrk(word.surface, " \n\"'"));
        end = word.offset + word.size;
        struct tl_search_words same = {{word.surface, length}, 0};
        assert(tl_search_words_next(&same, &again) && strcmp(again.surface, word.surface) == 0);
    }
    return 0;
}
