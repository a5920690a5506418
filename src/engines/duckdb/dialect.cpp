/* Macros, aliases and the few functions that need the engine's own interface. */
#include "engines/duckdb/dialect.h"

#include <algorithm>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/aggregate_function_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp"
#include "duckdb/main/capi/capi_internal.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/main/database_manager.hpp"
#include "duckdb/parser/parsed_data/create_aggregate_function_info.hpp"
#include "duckdb/parser/parsed_data/create_macro_info.hpp"
#include "duckdb/parser/parsed_data/create_scalar_function_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/statement/create_statement.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"

#include "engines/duckdb/dialect_int.hpp"
#include "engines/duckdb/error_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

#include "dialect_macros.h" /* generated: macros[], aliases[] */

bool IsTyped(const CreateMacroInfo &info)
{
    for (auto &macro : info.macros)
        for (auto &type : macro->types)
            if (type.id() != LogicalTypeId::UNKNOWN)
                return true;
    return false;
}

/* CREATE MACRO binds the body with parameters of no type, which functions over lists and maps refuse: where no type is written
 * the macro goes into the catalog as it was parsed, before those that are bound and may stand on it. */
void CreateMacro(Connection &connection, const char *sql, bool typed)
{
    Parser parser;
    parser.ParseQuery(sql);
    auto &info = parser.statements[0]->Cast<CreateStatement>().info->Cast<CreateMacroInfo>();
    if (IsTyped(info) != typed)
        return;
    if (typed) {
        auto result = connection.Query(sql);
        if (result->HasError())
            result->ThrowError(string("in a macro: ") + sql + ": ");
        return;
    }
    auto &context = *connection.context;
    context.RunFunctionInTransaction([&]() {
        info.schema = DEFAULT_SCHEMA;
        auto &catalog = Catalog::GetCatalog(context, DatabaseManager::GetDefaultDatabase(context));
        catalog.CreateFunction(CatalogTransaction::GetSystemTransaction(*context.db), info);
    });
}

/* Trino's take whole numbers as bigint. */
void DropSmall(AggregateFunctionSet &set)
{
    auto small = [](const AggregateFunction &function) {
        auto id = function.arguments.empty() ? LogicalTypeId::INVALID : function.arguments[0].id();
        return id == LogicalTypeId::TINYINT || id == LogicalTypeId::SMALLINT || id == LogicalTypeId::INTEGER;
    };
    auto &functions = set.functions;
    functions.erase(std::remove_if(functions.begin(), functions.end(), small), functions.end());
}

void CreateAlias(ClientContext &context, const char *name, const char *target, bool aggregate)
{
    auto &catalog = Catalog::GetSystemCatalog(context);
    if (aggregate) {
        auto functions = catalog.GetEntry<AggregateFunctionCatalogEntry>(context, DEFAULT_SCHEMA, target).functions;
        functions.name = name;
        DropSmall(functions);
        CreateAggregateFunctionInfo info(std::move(functions));
        info.on_conflict = OnCreateConflict::REPLACE_ON_CONFLICT;
        catalog.CreateFunction(CatalogTransaction::GetSystemTransaction(*context.db), info);
        return;
    }
    auto functions = catalog.GetEntry<ScalarFunctionCatalogEntry>(context, DEFAULT_SCHEMA, target).functions;
    functions.name = name;
    for (auto &function : functions.functions) /* TRY(..) takes no volatile ones, and error() is one */
        function.SetStability(FunctionStability::CONSISTENT);
    CreateScalarFunctionInfo info(std::move(functions));
    info.on_conflict = OnCreateConflict::REPLACE_ON_CONFLICT;
    catalog.CreateFunction(CatalogTransaction::GetSystemTransaction(*context.db), info);
}

unique_ptr<FunctionData> BindSame(ClientContext &, ScalarFunction &function, vector<unique_ptr<Expression>> &arguments)
{
    function.arguments[0] = arguments[0]->return_type;
    function.SetReturnType(arguments[0]->return_type);
    return nullptr;
}

/* The entries of a map; a list as it is. */
void CreateEntries(ClientContext &context)
{
    auto &catalog = Catalog::GetSystemCatalog(context);
    auto functions = catalog.GetEntry<ScalarFunctionCatalogEntry>(context, DEFAULT_SCHEMA, "map_entries").functions;
    functions.name = "trino_entries";
    functions.AddFunction(ScalarFunction({LogicalType::LIST(LogicalType::ANY)}, LogicalType::LIST(LogicalType::ANY),
                                         ScalarFunction::NopFunction, BindSame));
    CreateScalarFunctionInfo info(std::move(functions));
    catalog.CreateFunction(CatalogTransaction::GetSystemTransaction(*context.db), info);
}

void Install(DatabaseInstance &instance)
{
    Connection connection(instance);
    auto &context = *connection.context;
    context.RunFunctionInTransaction([&]() {
        for (auto &alias : aliases)
            CreateAlias(context, alias.name, alias.target, alias.aggregate);
        CreateEntries(context);
        ChangeOperators(context);
    });
    for (bool typed : {false, true})
        for (auto sql : macros)
            CreateMacro(connection, sql, typed);
}

} // namespace
} // namespace tl

extern "C" enum tl_code tl_duckdb_dialect_install(duckdb_database database, duckdb_connection connection, struct tl_err *err)
{
    if (tl_duckdb_trino_functions(connection, err) != TL_OK)
        return err->code;
    try {
        tl::Install(*reinterpret_cast<DatabaseWrapper *>(database)->database->instance);
        return TL_OK;
    } catch (const std::exception &exception) {
        return tl::ReportException(exception, err);
    }
}
