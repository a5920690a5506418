/* The engine's errors in our words: a code programs can rely on, a message without the engine's decoration, its suggestions as
 * the hint.  Understands both forms the engine writes: text ("Binder Error: ... LINE 1: ...") and JSON (errors_as_json). */
#include "engines/duckdb/error_int.hpp"

#include <cctype>

#include "duckdb/common/error_data.hpp"
#include "duckdb/common/string_util.hpp"

using namespace duckdb;

namespace tl {
namespace {

struct Pattern {
    const char *text; /* somewhere in the engine's message */
    enum tl_code code;
};

/* What the message says is more exact than its class; the first that fits wins. */
const Pattern patterns[] = {
    {"Max expression depth limit", TL_TOO_LARGE},
    {"memory exhausted at or near", TL_TOO_LARGE}, /* the parser's own stack */
    {"nimplemented type for cast", TL_TYPE_MISMATCH},
    {"Interrupted!", TL_CANCELLED},
    {"No space left on device", TL_DISK_FULL},
    {"max_temp_directory_size", TL_DISK_FULL},
    {"failed to offload data block", TL_DISK_FULL},
    {"NamespaceNotEmptyException", TL_SCHEMA_NOT_EMPTY},
    {"CommitFailedException", TL_CONFLICT},
    {"Conflict on ", TL_CONFLICT},
    {"write-write conflict", TL_CONFLICT},
    {"division by zero", TL_DIVISION_BY_ZERO},
    {"Division by zero", TL_DIVISION_BY_ZERO},
};

const Pattern catalog_patterns[] = {
    {"already exists", TL_ALREADY_EXISTS},
    {"because there are entries that depend on it", TL_SCHEMA_NOT_EMPTY},
    {"Table Function with name", TL_FUNCTION_NOT_FOUND},
    {"Function with name", TL_FUNCTION_NOT_FOUND},
    {"Macro Function", TL_FUNCTION_NOT_FOUND},
    {"Catalog with name", TL_CATALOG_NOT_FOUND},
    {"Catalog \"", TL_CATALOG_NOT_FOUND},
    {"Schema with name", TL_SCHEMA_NOT_FOUND},
    {"No schema", TL_SCHEMA_NOT_FOUND},
    {"Table with name", TL_TABLE_NOT_FOUND},
    {"View with name", TL_TABLE_NOT_FOUND},
    {"Type with name", TL_TYPE_MISMATCH},
    {"does not have a column", TL_COLUMN_NOT_FOUND},
    {"Column with name", TL_COLUMN_NOT_FOUND},
};

const Pattern binder_patterns[] = {
    {"Referenced column", TL_COLUMN_NOT_FOUND},
    {"does not have a column", TL_COLUMN_NOT_FOUND},
    {"does not contain column", TL_COLUMN_NOT_FOUND},
    {"Could not find key", TL_COLUMN_NOT_FOUND},
    {"not found in FROM clause", TL_COLUMN_NOT_FOUND},
    {"Referenced table", TL_TABLE_NOT_FOUND},
    {"Ambiguous reference", TL_COLUMN_NOT_FOUND},
    {"Catalog \"", TL_CATALOG_NOT_FOUND},
    {"No function matches", TL_FUNCTION_NOT_FOUND},
    {"does not exist", TL_FUNCTION_NOT_FOUND},
    {"already exists", TL_ALREADY_EXISTS},
    {"Cannot compare values", TL_TYPE_MISMATCH},
    {"Cannot mix values", TL_TYPE_MISMATCH},
    {"Could not choose a best candidate", TL_TYPE_MISMATCH},
    {"Cannot combine types", TL_TYPE_MISMATCH},
    {"explicit cast", TL_TYPE_MISMATCH},
    {"explicit type cast", TL_TYPE_MISMATCH},
    {"an implicit cast", TL_TYPE_MISMATCH},
    {"must be of type", TL_TYPE_MISMATCH},
};

enum tl_code Match(const Pattern *list, size_t count, const string &message, enum tl_code otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (message.find(list[i].text) != string::npos)
            return list[i].code;
    return otherwise;
}

template <size_t N> enum tl_code Match(const Pattern (&list)[N], const string &message, enum tl_code otherwise)
{
    return Match(list, N, message, otherwise);
}

enum tl_code CodeOfClass(ExceptionType type, const string &message)
{
    switch (type) {
    case ExceptionType::PARSER:
    case ExceptionType::SYNTAX:
    case ExceptionType::EXPRESSION:
        return TL_SYNTAX;
    case ExceptionType::CATALOG:
        return Match(catalog_patterns, message, TL_NOT_FOUND);
    case ExceptionType::BINDER:
        return Match(binder_patterns, message, TL_SYNTAX);
    case ExceptionType::DEPENDENCY:
        return TL_SCHEMA_NOT_EMPTY;
    case ExceptionType::MISMATCH_TYPE:
    case ExceptionType::INVALID_TYPE:
    case ExceptionType::UNKNOWN_TYPE:
    case ExceptionType::PARAMETER_NOT_RESOLVED:
        return TL_TYPE_MISMATCH;
    case ExceptionType::OUT_OF_RANGE:
    case ExceptionType::CONVERSION:
    case ExceptionType::DECIMAL:
    case ExceptionType::INVALID_INPUT:
    case ExceptionType::OBJECT_SIZE:
    case ExceptionType::SEQUENCE:
    case ExceptionType::EXECUTOR:
        return TL_INVALID_VALUE;
    case ExceptionType::DIVIDE_BY_ZERO:
        return TL_DIVISION_BY_ZERO;
    case ExceptionType::SETTINGS:
    case ExceptionType::PARAMETER_NOT_ALLOWED:
    case ExceptionType::INVALID_CONFIGURATION:
        return TL_INVALID_ARGUMENT;
    case ExceptionType::CONSTRAINT:
        return TL_CONSTRAINT;
    case ExceptionType::TRANSACTION:
        return TL_CONFLICT;
    case ExceptionType::NOT_IMPLEMENTED:
    case ExceptionType::MISSING_EXTENSION:
    case ExceptionType::AUTOLOAD:
        return TL_UNSUPPORTED;
    case ExceptionType::OUT_OF_MEMORY:
        return TL_MEMORY_EXCEEDED;
    case ExceptionType::PERMISSION:
        return TL_NOT_ALLOWED;
    case ExceptionType::INTERRUPT:
        return TL_CANCELLED;
    case ExceptionType::IO:
    case ExceptionType::HTTP:
    case ExceptionType::NETWORK:
    case ExceptionType::CONNECTION:
    case ExceptionType::SERIALIZATION:
        return TL_IO;
    default:
        return TL_INTERNAL;
    }
}

void CutAt(string &text, const char *mark)
{
    auto at = text.find(mark);
    if (at != string::npos)
        text.resize(at);
}

/* One line, single blanks, no decoration at its ends. */
string Tidy(const string &text)
{
    string tidy;
    for (char c : text) {
        bool blank = isspace(static_cast<unsigned char>(c));
        if (blank && (tidy.empty() || tidy.back() == ' '))
            continue;
        tidy += blank ? ' ' : c;
    }
    while (!tidy.empty() && strchr(" !.,;:", tidy.back()))
        tidy.pop_back();
    return tidy;
}

/* "Referenced column" -> "referenced column", but "SUM(x)" and "\"a\"" stay. */
string LowerFirst(string text)
{
    if (text.size() > 1 && isupper(static_cast<unsigned char>(text[0])) && !isupper(static_cast<unsigned char>(text[1])))
        text[0] = static_cast<char>(tolower(static_cast<unsigned char>(text[0])));
    return text;
}

/* The suggestions at the end of a message, moved out of it. */
string TakeHint(string &message)
{
    static const char *const marks[] = {"Did you mean", "Candidate bindings:", "Candidate tables:", "Candidate functions:",
                                        "Candidate Entries:", "Candidates:", "Similar ", "You might need to add"};
    size_t first = string::npos;
    for (auto mark : marks)
        first = MinValue(first, message.find(mark));
    if (first == string::npos)
        return "";
    string hint = message.substr(first);
    message.resize(first);
    return LowerFirst(Tidy(hint));
}

/* Where the caret block points, when it is about the first line and that line is whole. */
int64_t CaretPosition(const string &message)
{
    const string mark = "\n\nLINE 1: ";
    auto block = message.find(mark);
    if (block == string::npos)
        return -1;
    auto line = block + mark.size();
    auto end = message.find('\n', line);
    auto caret = message.find('^', end);
    if (end == string::npos || caret == string::npos || message.compare(line, 3, "...") == 0)
        return -1;
    size_t column = caret - end - 1, label = mark.size() - 2;
    return column < label ? -1 : static_cast<int64_t>(column - label);
}

int64_t PositionOf(const ErrorData &error)
{
    auto info = error.ExtraInfo().find("position");
    if (info == error.ExtraInfo().end())
        return CaretPosition(error.RawMessage());
    return static_cast<int64_t>(strtoull(info->second.c_str(), nullptr, 10));
}

enum tl_code Report(const ErrorData &error, ExceptionType type, struct tl_err *err)
{
    string message = error.RawMessage();
    enum tl_code code = Match(patterns, message, TL_OK);
    if (code == TL_OK)
        code = CodeOfClass(type, message);
    if (code == TL_TOO_LARGE)
        return tl_err_set(err, code, "the statement is nested too deeply");
    CutAt(message, "\n\nLINE ");
    CutAt(message, "\n\nStack Trace");
    string hint = TakeHint(message), detail;
    auto newline = message.find('\n');
    if (newline != string::npos) {
        detail = Tidy(message.substr(newline));
        message.resize(newline);
    }
    message = LowerFirst(Tidy(message));
    tl_err_set(err, code, "%s", message.empty() ? "the engine reported an error without a text" : message.c_str());
    if (!detail.empty())
        tl_err_detail(err, "%s", detail.c_str());
    if (!hint.empty())
        tl_err_hint(err, "%s", hint.c_str());
    int64_t position = PositionOf(error);
    if (position >= 0)
        tl_err_position(err, position);
    return code;
}

/* "Binder Error: text" -> "text" */
string WithoutPrefix(const string &message)
{
    auto mark = message.find(" Error: ");
    if (mark == string::npos || mark > 40 || message.find('\n') < mark)
        return message;
    return message.substr(mark + strlen(" Error: "));
}

ErrorData ReadError(const string &message, ExceptionType type)
{
    auto text = WithoutPrefix(message);
    try {
        ErrorData read(text); /* understands JSON */
        if (read.Type() != ExceptionType::INVALID)
            return read;
    } catch (const std::exception &) {
        /* a text that only looks like JSON */
    }
    return ErrorData(type, text);
}

/* What failed between its start and its first row is wrapped in an error about a closed result: the one inside is the reason. */
ErrorData Unwrap(const ErrorData &error)
{
    const string mark = "Attempting to execute an unsuccessful or closed pending query result\nError: ";
    if (!StringUtil::StartsWith(error.RawMessage(), mark))
        return error;
    auto inner = error.RawMessage().substr(mark.size());
    auto type = Exception::StringToExceptionType(inner.substr(0, inner.find(" Error: ")));
    return ReadError(inner, type);
}

} // namespace

enum tl_code ReportException(const std::exception &exception, struct tl_err *err)
{
    ErrorData error(exception);
    return Report(error, error.Type(), err);
}

} // namespace tl

extern "C" enum tl_code tl_hooks_error(const char *engine_message, int engine_error_type, struct tl_err *err)
{
    auto type = static_cast<ExceptionType>(engine_error_type);
    try {
        std::string message = engine_message ? engine_message : "";
        ErrorData error = tl::Unwrap(tl::ReadError(message, type));
        return tl::Report(error, error.Type(), err);
    } catch (const std::exception &) {
        return tl_err_set(err, TL_INTERNAL, "the engine's error could not be read");
    }
}
