#include "engines/duckdb/catalog.h"

#include <string>
#include <vector>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/view_catalog_entry.hpp"
#include "duckdb/main/client_context.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "duckdb/storage/table_storage_info.hpp"
#include "engines/duckdb/hooks.h"

using namespace duckdb;

namespace {

struct Column {
    string name, type_text, comment;
    bool has_comment, nullable;
    int key_position;
    LogicalType type;
};

struct Entry {
    string schema, name, comment;
    bool has_comment = false, is_view = false;
    int64_t row_estimate = -1;
    std::vector<Column> columns;
};

Column MakeColumn(const string &name, const LogicalType &type, const Value &comment)
{
    return Column{name, type.ToString(), comment.IsNull() ? "" : comment.ToString(), !comment.IsNull(), true, 0, type};
}

void AddConstraints(const TableCatalogEntry &table, Entry &entry)
{
    for (auto &constraint : table.GetConstraints()) {
        if (constraint->type == ConstraintType::NOT_NULL) {
            auto index = constraint->Cast<NotNullConstraint>().index.index;
            if (index < entry.columns.size())
                entry.columns[index].nullable = false;
        }
        if (constraint->type != ConstraintType::UNIQUE || !constraint->Cast<UniqueConstraint>().IsPrimaryKey())
            continue;
        int position = 0;
        for (auto &index : constraint->Cast<UniqueConstraint>().GetLogicalIndexes(table.GetColumns()))
            if (index.index < entry.columns.size()) {
                entry.columns[index.index].key_position = ++position;
                entry.columns[index.index].nullable = false;
            }
    }
}

void DescribeTable(ClientContext &context, TableCatalogEntry &table, Entry &entry)
{
    for (auto &column : table.GetColumns().Logical())
        entry.columns.push_back(MakeColumn(column.Name(), column.Type(), column.Comment()));
    AddConstraints(table, entry);
    auto cardinality = table.GetStorageInfo(context).cardinality;
    if (cardinality.IsValid())
        entry.row_estimate = static_cast<int64_t>(cardinality.GetIndex());
}

void DescribeView(ClientContext &context, ViewCatalogEntry &view, Entry &entry)
{
    view.BindView(context);
    auto info = view.GetColumnInfo();
    for (idx_t i = 0; info && i < info->names.size(); i++)
        entry.columns.push_back(MakeColumn(info->names[i], info->types[i], view.GetColumnComment(i)));
}

/* The catalog says that this table cannot be had, and not that it has trouble itself. */
bool IsRefused(const std::exception &exception)
{
    const string said = ErrorData(exception).Message(), before = "response code ";
    auto at = said.find(before);
    auto status = at == string::npos ? at : said.find('_', at); /* "response code Forbidden_403 with" */
    return status != string::npos && status < said.find(' ', at + before.size()) && said[status + 1] == '4';
}

/* A catalog over the network lists names first and reads a table when it is looked up; false: it was only remembered, and is gone.  One
 * that is refused has no columns, and does not hide the others. */
bool Describe(ClientContext &context, Catalog &catalog, Entry &entry)
{
    optional_ptr<CatalogEntry> found;
    try {
        found = catalog.GetEntry(context, CatalogType::TABLE_ENTRY, entry.schema, entry.name, OnEntryNotFound::RETURN_NULL);
    } catch (const std::exception &exception) {
        if (context.IsInterrupted() || !IsRefused(exception))
            throw;
        return true;
    }
    if (!found)
        return false;
    entry.is_view = found->type == CatalogType::VIEW_ENTRY;
    entry.has_comment = !found->comment.IsNull();
    entry.comment = entry.has_comment ? found->comment.ToString() : "";
    try {
        if (entry.is_view)
            DescribeView(context, found->Cast<ViewCatalogEntry>(), entry);
        else
            DescribeTable(context, found->Cast<TableCatalogEntry>(), entry);
    } catch (const std::exception &) {
        entry.columns.clear(); /* one that cannot be read does not hide the others */
        if (context.IsInterrupted())
            throw;
    }
    return true;
}

std::vector<Entry> ReadNames(ClientContext &context, Catalog &catalog)
{
    std::vector<Entry> entries;
    for (auto &schema : catalog.GetSchemas(context)) {
        auto add = [&](CatalogEntry &found) {
            Entry entry;
            entry.schema = schema.get().name;
            entry.name = found.name;
            if (!found.internal)
                entries.push_back(std::move(entry));
        };
        schema.get().Scan(context, CatalogType::TABLE_ENTRY, add);
    }
    return entries;
}

enum tl_code Give(Entry &entry, enum tl_code (*each)(void *, const struct tl_catalog_entry *), void *context)
{
    std::vector<struct tl_catalog_column> columns;
    for (auto &column : entry.columns)
        columns.push_back({column.name.c_str(), column.type_text.c_str(), column.has_comment ? column.comment.c_str() : nullptr,
                           reinterpret_cast<duckdb_logical_type>(&column.type), column.nullable, column.key_position});
    struct tl_catalog_entry given = {entry.schema.c_str(),
                                     entry.name.c_str(),
                                     entry.has_comment ? entry.comment.c_str() : nullptr,
                                     entry.is_view,
                                     entry.row_estimate,
                                     columns.size(),
                                     columns.data()};
    return each(context, &given);
}

} // namespace

extern "C" enum tl_code tl_catalog_list(duckdb_connection connection, const char *catalog_name,
                                        enum tl_code (*each)(void *context, const struct tl_catalog_entry *entry), void *each_context,
                                        struct tl_err *err)
{
    auto &context = *reinterpret_cast<Connection *>(connection)->context;
    std::vector<Entry> entries;
    enum tl_code code = TL_OK;
    try {
        context.RunFunctionInTransaction([&]() {
            auto &catalog = Catalog::GetCatalog(context, catalog_name);
            for (auto &entry : ReadNames(context, catalog)) {
                if (context.IsInterrupted())
                    throw InterruptException();
                if (Describe(context, catalog, entry))
                    entries.push_back(std::move(entry));
            }
        });
        for (size_t i = 0; i < entries.size() && code == TL_OK; i++)
            code = Give(entries[i], each, each_context);
    } catch (const std::exception &exception) {
        ErrorData error(exception);
        return tl_hooks_error(error.Message().c_str(), static_cast<int>(error.Type()), err);
    }
    return code;
}
