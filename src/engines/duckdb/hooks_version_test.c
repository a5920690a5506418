/* Built as if the engine's library were another version: the program's own duckdb_library_version comes before the library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engines/duckdb/hooks.h"

const char *duckdb_library_version(void); /* the header has it without a prototype */

const char *duckdb_library_version(void)
{
    return "v1.6.0";
}

static void test_another_engine_version_is_refused(void **state)
{
    (void)state;
    struct tl_hooks_calls calls = {0};
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_hooks_install(NULL, &calls, &err), TL_UNSUPPORTED);
    assert_string_equal(err.message, "the SQL engine has version v1.6.0");
    assert_string_equal(err.hint, "install v1.5.5, the version this program was built for");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_engine_version_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
