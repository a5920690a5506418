/* The statements of a text as JSON (wire.h, PARSE).  Every form has a function; what has none shows only its kind, so that
 * the caller's allow-list refuses it. */
#include "duckdb/common/error_data.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/parsed_data/alter_table_info.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/statement/list.hpp"

#include "engines/duckdb/ast_writer_int.hpp"
#include "engines/duckdb/error_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* An expression in another is two levels of JSON at least: deeper ones would be refused later, at a higher price in stack. */
constexpr idx_t expression_depth_max = TL_HOOKS_DEPTH_MAX / 2;

void WriteStatement(AstWriter &out, const SQLStatement &statement);

void PutTarget(AstWriter &out, const string &catalog, const string &schema, const string &name)
{
    out.PutObject("target", [&] {
        out.Put("catalog", catalog);
        out.Put("schema", schema);
        out.Put("name", name);
    });
}

void PutStatement(AstWriter &out, const char *tag, const SQLStatement *statement)
{
    if (!statement) {
        out.Null(tag);
        return;
    }
    out.PutObject(tag, [&] { WriteStatement(out, *statement); });
}

/* "TABLE_ENTRY" -> "TABLE" */
string WithoutSuffix(string name, const string &suffix)
{
    if (StringUtil::EndsWith(name, suffix))
        name.resize(name.size() - suffix.size());
    return name;
}

string KindOfEntry(CatalogType type)
{
    return WithoutSuffix(EnumUtil::ToString(type), "_ENTRY");
}

void WriteSelect(AstWriter &out, const SelectStatement &select)
{
    out.Put("kind", "SELECT");
    out.Put("node", select.node);
}

void WriteExplain(AstWriter &out, const ExplainStatement &explain)
{
    out.Put("kind", "EXPLAIN");
    out.Put("analyze", explain.explain_type == ExplainType::EXPLAIN_ANALYZE);
    out.Put("format", EnumUtil::ToString(explain.explain_format));
    PutStatement(out, "statement", explain.stmt.get());
}

void WriteInsert(AstWriter &out, const InsertStatement &insert)
{
    out.Put("kind", "INSERT");
    PutTarget(out, insert.catalog, insert.schema, insert.table);
    out.Put("columns", insert.columns);
    PutStatement(out, "query", insert.select_statement.get());
    out.Put("default_values", insert.default_values);
    out.Put("by_name", insert.column_order == InsertColumnOrder::INSERT_BY_NAME);
    out.Put("returning", insert.returning_list);
    out.Put("on_conflict", insert.on_conflict_info != nullptr);
    out.Put("ctes", insert.cte_map);
}

void WriteUpdate(AstWriter &out, const UpdateStatement &update)
{
    out.Put("kind", "UPDATE");
    out.Put("target", update.table);
    out.Put("from", update.from_table);
    out.Put("columns", update.set_info->columns);
    out.Put("expressions", update.set_info->expressions);
    out.Put("condition", update.set_info->condition);
    out.Put("returning", update.returning_list);
    out.Put("ctes", update.cte_map);
}

/* The tree does not tell TRUNCATE from DELETE: the first word does. */
bool BeginsWithTruncate(const string &text)
{
    auto tokens = Parser::Tokenize(text);
    return !tokens.empty() && StringUtil::CIEquals(text.substr(tokens[0].start, strlen("truncate")), "truncate");
}

void WriteDelete(AstWriter &out, const DeleteStatement &deletion)
{
    out.Put("kind", "DELETE");
    out.Put("truncate", !deletion.condition && BeginsWithTruncate(deletion.query));
    out.Put("target", deletion.table);
    out.Put("using", deletion.using_clauses);
    out.Put("condition", deletion.condition);
    out.Put("returning", deletion.returning_list);
    out.Put("ctes", deletion.cte_map);
}

void WriteMergeAction(AstWriter &out, MergeActionCondition when, const MergeIntoAction &action)
{
    auto &set = action.update_info;
    if (set && set->condition)
        throw NotImplementedException("MERGE with a WHERE inside UPDATE SET");
    out.Put("when", EnumUtil::ToString(when));
    out.Put("action", EnumUtil::ToString(action.action_type));
    out.Put("condition", action.condition);
    out.Put("columns", set ? set->columns : action.insert_columns);
    out.Put("expressions", set ? set->expressions : action.expressions);
    out.Put("by_name", action.column_order == InsertColumnOrder::INSERT_BY_NAME);
    out.Put("default_values", action.default_values);
}

void WriteMerge(AstWriter &out, const MergeIntoStatement &merge)
{
    vector<pair<MergeActionCondition, const MergeIntoAction *>> actions;
    for (auto &of_condition : merge.actions)
        for (auto &action : of_condition.second)
            actions.emplace_back(of_condition.first, action.get());

    out.Put("kind", "MERGE");
    out.Put("target", merge.target);
    out.Put("source", merge.source);
    out.Put("condition", merge.join_condition);
    out.Put("using_columns", merge.using_columns);
    out.PutObjects("actions", actions, [&](const pair<MergeActionCondition, const MergeIntoAction *> &action) {
        WriteMergeAction(out, action.first, *action.second);
    });
    out.Put("returning", merge.returning_list);
    out.Put("ctes", merge.cte_map);
}

void PutExpression(AstWriter &out, const char *tag, const ParsedExpression *expression)
{
    if (expression)
        out.Put(tag, expression);
    else
        out.Null(tag);
}

void PutOptions(AstWriter &out, const char *tag, const case_insensitive_map_t<unique_ptr<ParsedExpression>> &options)
{
    out.PutObject(tag, [&] {
        for (auto &option : options)
            out.Put(option.first.c_str(), option.second);
    });
}

void WriteColumn(AstWriter &out, const ColumnDefinition &column, bool not_null)
{
    out.Put("name", column.Name());
    out.Put("type", column.Type().ToString());
    out.Put("not_null", not_null);
    PutExpression(out, "default", column.HasDefaultValue() && !column.Generated() ? &column.DefaultValue() : nullptr);
    out.Put("generated", column.Generated());
}

void WriteCreateTable(AstWriter &out, const CreateTableInfo &info)
{
    unordered_set<idx_t> not_null;
    vector<string> constraints;
    for (auto &constraint : info.constraints) {
        if (constraint->type == ConstraintType::NOT_NULL)
            not_null.insert(constraint->Cast<NotNullConstraint>().index.index);
        else
            constraints.push_back(constraint->ToString());
    }
    vector<const ColumnDefinition *> columns;
    for (auto &column : info.columns.Logical())
        columns.push_back(&column);

    PutTarget(out, info.catalog, info.schema, info.table);
    out.PutObjects("columns", columns, [&](const ColumnDefinition *column) {
        WriteColumn(out, *column, not_null.count(column->Logical().index) > 0);
    });
    out.Put("constraints", constraints);
    out.Put("partition_by", info.partition_keys);
    out.Put("sorted_by", info.sort_keys);
    PutOptions(out, "options", info.options);
    PutStatement(out, "query", info.query.get());
}

void WriteCreateView(AstWriter &out, const CreateViewInfo &info)
{
    PutTarget(out, info.catalog, info.schema, info.view_name);
    out.Put("aliases", info.aliases);
    PutStatement(out, "query", info.query.get());
}

void WriteCreate(AstWriter &out, const CreateStatement &create)
{
    auto &info = *create.info;
    out.Put("kind", "CREATE_" + KindOfEntry(info.type));
    if (info.type != CatalogType::TABLE_ENTRY && info.type != CatalogType::VIEW_ENTRY && info.type != CatalogType::SCHEMA_ENTRY)
        return;
    out.Put("or_replace", info.on_conflict == OnCreateConflict::REPLACE_ON_CONFLICT);
    out.Put("if_not_exists", info.on_conflict == OnCreateConflict::IGNORE_ON_CONFLICT);
    out.Put("temporary", info.temporary);
    if (info.type == CatalogType::TABLE_ENTRY)
        WriteCreateTable(out, info.Cast<CreateTableInfo>());
    else if (info.type == CatalogType::VIEW_ENTRY)
        WriteCreateView(out, info.Cast<CreateViewInfo>());
    else
        PutTarget(out, info.catalog, "", info.schema);
}

void WriteDrop(AstWriter &out, const DropStatement &drop)
{
    auto &info = *drop.info;
    out.Put("kind", "DROP");
    out.Put("type", KindOfEntry(info.type));
    PutTarget(out, info.catalog, info.schema, info.name);
    out.Put("if_exists", info.if_not_found == OnEntryNotFound::RETURN_NULL);
    out.Put("cascade", info.cascade);
}

/* What the actions of ALTER TABLE carry besides the target. */
struct AlterParts {
    string column;
    string new_name;
    string column_type;
    string constraint;
    vector<const ParsedExpression *> expressions;
};

void AddExpressions(AlterParts &parts, const case_insensitive_map_t<unique_ptr<ParsedExpression>> &options)
{
    for (auto &option : options)
        parts.expressions.push_back(option.second.get());
}

void AddColumnParts(AlterParts &parts, const ColumnDefinition &column)
{
    parts.column = column.Name();
    parts.column_type = column.Type().ToString();
    if (column.Generated())
        parts.expressions.push_back(&column.GeneratedExpression());
    else if (column.HasDefaultValue())
        parts.expressions.push_back(&column.DefaultValue());
}

AlterParts PartsOfColumnChange(const AlterTableInfo &info)
{
    AlterParts parts;
    parts.column = info.GetColumnName();
    if (info.alter_table_type == AlterTableType::ALTER_COLUMN_TYPE) {
        auto &change = info.Cast<ChangeColumnTypeInfo>();
        parts.column_type = change.target_type.ToString();
        parts.expressions.push_back(change.expression.get());
    } else if (info.alter_table_type == AlterTableType::SET_DEFAULT) {
        auto &change = info.Cast<SetDefaultInfo>();
        parts.column = change.column_name;
        parts.expressions.push_back(change.expression.get());
    } else if (info.alter_table_type == AlterTableType::SET_NOT_NULL) {
        parts.column = info.Cast<SetNotNullInfo>().column_name;
    } else if (info.alter_table_type == AlterTableType::DROP_NOT_NULL) {
        parts.column = info.Cast<DropNotNullInfo>().column_name;
    } else if (info.alter_table_type == AlterTableType::RENAME_COLUMN) {
        parts.column = info.Cast<RenameColumnInfo>().old_name;
        parts.new_name = info.Cast<RenameColumnInfo>().new_name;
    } else if (info.alter_table_type == AlterTableType::RENAME_FIELD) {
        parts.column = StringUtil::Join(info.Cast<RenameFieldInfo>().column_path, ".");
        parts.new_name = info.Cast<RenameFieldInfo>().new_name;
    } else if (info.alter_table_type == AlterTableType::REMOVE_FIELD) {
        parts.column = StringUtil::Join(info.Cast<RemoveFieldInfo>().column_path, ".");
    }
    return parts;
}

AlterParts PartsOfTableChange(const AlterTableInfo &info)
{
    AlterParts parts;
    switch (info.alter_table_type) {
    case AlterTableType::RENAME_TABLE:
        parts.new_name = info.Cast<RenameTableInfo>().new_table_name;
        break;
    case AlterTableType::ADD_COLUMN:
        AddColumnParts(parts, info.Cast<AddColumnInfo>().new_column);
        break;
    case AlterTableType::ADD_FIELD:
        AddColumnParts(parts, info.Cast<AddFieldInfo>().new_field);
        parts.column = StringUtil::Join(info.Cast<AddFieldInfo>().column_path, ".") + "." + parts.column;
        break;
    case AlterTableType::ADD_CONSTRAINT:
        parts.constraint = info.Cast<AddConstraintInfo>().constraint->ToString();
        break;
    case AlterTableType::SET_PARTITIONED_BY:
        for (auto &key : info.Cast<SetPartitionedByInfo>().partition_keys)
            parts.expressions.push_back(key.get());
        break;
    case AlterTableType::SET_SORTED_BY:
        for (auto &order : info.Cast<SetSortedByInfo>().orders)
            parts.expressions.push_back(order.expression.get());
        break;
    case AlterTableType::SET_TABLE_OPTIONS:
        AddExpressions(parts, info.Cast<SetTableOptionsInfo>().table_options);
        break;
    default:
        return PartsOfColumnChange(info);
    }
    return parts;
}

void PutTextOrNull(AstWriter &out, const char *tag, const string &text)
{
    if (text.empty())
        out.Null(tag);
    else
        out.Put(tag, text);
}

void WriteAlter(AstWriter &out, const AlterStatement &alter)
{
    auto &info = *alter.info;
    out.Put("kind", "ALTER");
    out.Put("type", EnumUtil::ToString(info.type));
    AlterParts parts;
    if (info.type == AlterType::ALTER_TABLE) {
        auto &table = static_cast<const AlterTableInfo &>(info);
        out.Put("action", EnumUtil::ToString(table.alter_table_type));
        parts = PartsOfTableChange(table);
    } else {
        out.Null("action");
    }
    PutTarget(out, info.catalog, info.schema, info.name);
    out.Put("if_exists", info.if_not_found == OnEntryNotFound::RETURN_NULL);
    out.Put("expressions", parts.expressions);
    PutTextOrNull(out, "column", parts.column);
    PutTextOrNull(out, "column_type", parts.column_type);
    PutTextOrNull(out, "constraint", parts.constraint);
    PutTextOrNull(out, "new_name", parts.new_name);
}

void WriteStatement(AstWriter &out, const SQLStatement &statement)
{
    switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
        return WriteSelect(out, statement.Cast<SelectStatement>());
    case StatementType::EXPLAIN_STATEMENT:
        return WriteExplain(out, statement.Cast<ExplainStatement>());
    case StatementType::INSERT_STATEMENT:
        return WriteInsert(out, statement.Cast<InsertStatement>());
    case StatementType::UPDATE_STATEMENT:
        return WriteUpdate(out, statement.Cast<UpdateStatement>());
    case StatementType::DELETE_STATEMENT:
        return WriteDelete(out, statement.Cast<DeleteStatement>());
    case StatementType::MERGE_INTO_STATEMENT:
        return WriteMerge(out, statement.Cast<MergeIntoStatement>());
    case StatementType::CREATE_STATEMENT:
        return WriteCreate(out, statement.Cast<CreateStatement>());
    case StatementType::DROP_STATEMENT:
        return WriteDrop(out, statement.Cast<DropStatement>());
    case StatementType::ALTER_STATEMENT:
        return WriteAlter(out, statement.Cast<AlterStatement>());
    default:
        out.Put("kind", WithoutSuffix(EnumUtil::ToString(statement.type), "_STATEMENT"));
    }
}

/* What the parser will have read: it does this replacement itself, again and again until nothing is left. */
string AsParsed(const string &text)
{
    string parsed = text, next;
    while (Parser::StripUnicodeSpaces(parsed, next)) {
        parsed = std::move(next);
        next.clear();
    }
    return parsed;
}

void ParseTo(AstWriter &out, const string &text)
{
    ParserOptions options;
    options.max_expression_depth = expression_depth_max;
    Parser parser(options);
    parser.ParseQuery(text);
    out.BeginObject();
    out.PutObjects("statements", parser.statements, [&](const unique_ptr<SQLStatement> &statement) {
        WriteStatement(out, *statement);
    });
    out.EndObject();
}

/* The scanner counts characters, the tree bytes. */
uint64_t ByteOffset(const string &text, uint64_t characters)
{
    size_t at = 0;
    for (; at < text.size(); at++)
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && characters-- == 0)
            break;
    return at;
}

enum tl_code ReportParseFailure(const std::exception &exception, const string &parsed, const PositionMap &positions,
                                struct tl_err *err)
{
    enum tl_code code = ReportException(exception, err);
    if (err->position < 0)
        return code;
    auto info = ErrorData(exception).ExtraInfo();
    auto position = static_cast<uint64_t>(err->position);
    if (info["error_subtype"] == "SYNTAX_ERROR")
        position = ByteOffset(parsed, position);
    err->position = static_cast<int64_t>(positions.Original(position));
    return code;
}

enum tl_code Parse(const string &text, struct tl_buf *json, struct tl_err *err)
{
    string parsed = AsParsed(text);
    PositionMap positions(text, parsed);
    try {
        AstWriter out(*json, positions);
        ParseTo(out, parsed);
    } catch (const DepthExceeded &) {
        tl_err_set(err, TL_TOO_LARGE, "the statement is nested too deeply");
        tl_err_detail(err, "its tree has more than %d levels", TL_HOOKS_DEPTH_MAX);
        return TL_TOO_LARGE;
    } catch (const std::exception &exception) {
        return ReportParseFailure(exception, parsed, positions, err);
    }
    if (json->failed)
        return tl_err_set(err, TL_TOO_LARGE, "the tree of the statement is larger than %zu bytes", json->max_size);
    return TL_OK;
}

} // namespace
} // namespace tl

extern "C" enum tl_code tl_hooks_parse(const char *sql, size_t size, struct tl_buf *json, struct tl_err *err)
{
    size_t bad;
    if (size == 0)
        sql = "";
    if (memchr(sql, 0, size) || !tl_utf8_valid(sql, size, &bad))
        return tl_err_set(err, TL_BAD_ENCODING, "the statement is not valid UTF-8 or holds a NUL byte");
    try {
        return tl::Parse(std::string(sql, size), json, err);
    } catch (const std::exception &exception) {
        return tl::ReportException(exception, err);
    }
}
