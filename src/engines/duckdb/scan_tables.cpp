/* Row rules over tables of the engine's own (files of DuckDB, tables of the lake).  Before its optimizers: what the table knows of
 * its rows is taken from them, since it is of hidden ones too.  After them: the rule goes to where it is cheapest, and of the
 * statement what cannot fail goes beside it.  Then the barrier (scan_barrier.cpp) has done its work. */
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/function/table/table_scan.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/filter/constant_filter.hpp"
#include "duckdb/planner/filter/expression_filter.hpp"
#include "duckdb/planner/filter/in_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"
#include "duckdb/planner/operator/logical_filter.hpp"
#include "duckdb/storage/statistics/base_statistics.hpp"

#include "engines/duckdb/scan_barrier_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* The column of the table that a reference of the scan means, when a table filter may be set on it. */
const ColumnIndex *PlainColumn(const LogicalGet &get, const Expression &e)
{
    if (e.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF)
        return nullptr;
    auto &binding = e.Cast<BoundColumnRefExpression>().binding;
    auto &columns = get.GetColumnIds();
    if (binding.table_index != get.table_index || binding.column_index >= columns.size())
        return nullptr;
    auto &column = columns[binding.column_index];
    bool plain = column.HasPrimaryIndex() && !column.HasChildren() && !column.IsVirtualColumn() && !column.IsPushdownExtract();
    return plain ? &column : nullptr;
}

const Value *ConstantOf(const Expression &e, const LogicalType &type)
{
    if (e.GetExpressionType() != ExpressionType::VALUE_CONSTANT || e.return_type != type)
        return nullptr;
    auto &value = e.Cast<BoundConstantExpression>().value;
    auto physical = type.InternalType();
    bool comparable = TypeIsNumeric(physical) || physical == PhysicalType::VARCHAR || physical == PhysicalType::BOOL;
    return comparable && !value.IsNull() ? &value : nullptr;
}

bool IsPlainComparison(ExpressionType type)
{
    return type == ExpressionType::COMPARE_EQUAL || type == ExpressionType::COMPARE_LESSTHAN || type == ExpressionType::COMPARE_GREATERTHAN ||
           type == ExpressionType::COMPARE_LESSTHANOREQUALTO || type == ExpressionType::COMPARE_GREATERTHANOREQUALTO;
}

bool PassComparison(LogicalGet &get, ExpressionType type, const Expression &column, const Expression &constant)
{
    auto plain = PlainColumn(get, column);
    auto value = plain ? ConstantOf(constant, column.return_type) : nullptr;
    if (!value || !IsPlainComparison(type))
        return false;
    get.table_filters.PushFilter(*plain, make_uniq<ConstantFilter>(type, *value));
    return true;
}

bool PassBetween(LogicalGet &get, const BoundBetweenExpression &between)
{
    auto plain = PlainColumn(get, *between.input);
    auto &type = between.input->return_type;
    if (!plain || !ConstantOf(*between.lower, type) || !ConstantOf(*between.upper, type))
        return false;
    return PassComparison(get, between.LowerComparisonType(), *between.input, *between.lower) &&
           PassComparison(get, between.UpperComparisonType(), *between.input, *between.upper);
}

/* ---- lists ---- */

struct List {
    const Expression *column = nullptr;
    vector<Value> values;
};

bool AddToList(List &list, const Expression &column, const Expression &constant)
{
    auto value = ConstantOf(constant, column.return_type);
    if (!value || column.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF || (list.column && !list.column->Equals(column)))
        return false;
    list.column = &column;
    list.values.push_back(*value);
    return true;
}

/* column IN (..), also in the form that the engine gives to short ones: equal to this or to that. */
bool ReadList(const Expression &e, List &list)
{
    if (e.GetExpressionType() == ExpressionType::COMPARE_EQUAL) {
        auto &equal = e.Cast<BoundComparisonExpression>();
        return AddToList(list, *equal.left, *equal.right);
    }
    if (e.GetExpressionType() == ExpressionType::CONJUNCTION_OR) {
        auto &parts = e.Cast<BoundConjunctionExpression>().children;
        return std::all_of(parts.begin(), parts.end(), [&](const unique_ptr<Expression> &part) { return ReadList(*part, list); });
    }
    if (e.GetExpressionType() != ExpressionType::COMPARE_IN)
        return false;
    auto &parts = e.Cast<BoundOperatorExpression>().children;
    return std::all_of(parts.begin() + 1, parts.end(), [&](const unique_ptr<Expression> &part) { return AddToList(list, *parts[0], *part); });
}

/* A scan skips what cannot hold any of them; the rows that come are looked at again. */
void HintList(LogicalGet &get, const Expression &e)
{
    List list;
    if (!ReadList(e, list) || list.values.size() < 2)
        return;
    auto plain = PlainColumn(get, *list.column);
    if (!plain)
        return;
    auto hint = make_uniq<OptionalFilter>();
    hint->child_filter = make_uniq<InFilter>(std::move(list.values));
    get.table_filters.PushFilter(*plain, std::move(hint));
}

unique_ptr<BaseStatistics> StatisticsOf(ClientContext &context, const LogicalGet &get, const ColumnIndex &column)
{
    if (!get.function.statistics_extended)
        return nullptr;
    TableFunctionGetStatisticsInput input(get.bind_data.get(), column);
    return get.function.statistics_extended(context, input);
}

/* Of text that repeats, the table keeps each value once: a function of the column alone is computed once for each of them,
 * comparisons are for each row. */
bool Repeats(ClientContext &context, const LogicalGet &get, const ColumnIndex &column)
{
    enum { REPEATS_AT_LEAST = 16 };
    auto statistics = StatisticsOf(context, get, column);
    auto rows = get.function.cardinality ? get.function.cardinality(context, get.bind_data.get()) : nullptr;
    auto distinct = statistics ? statistics->GetDistinctCount() : 0;
    return distinct && rows && rows->has_estimated_cardinality && distinct * REPEATS_AT_LEAST <= rows->estimated_cardinality;
}

/* The rule's list becomes a filter of the scan. */
bool MoveList(ClientContext &context, LogicalGet &get, const Expression &e)
{
    List list;
    if (!ReadList(e, list) || list.column->return_type.id() != LogicalTypeId::VARCHAR || list.column->return_type.HasAlias())
        return false;
    auto plain = PlainColumn(get, *list.column);
    if (!plain || !get.function.pushdown_expression || !get.function.pushdown_expression(context, get, *list.column->Copy()) ||
        !Repeats(context, get, *plain))
        return false;
    vector<unique_ptr<Expression>> arguments;
    arguments.push_back(make_uniq<BoundConstantExpression>(Value::LIST(LogicalType::VARCHAR, std::move(list.values))));
    arguments.push_back(make_uniq<BoundReferenceExpression>(list.column->return_type, 0ULL));
    ErrorData error;
    auto holds = FunctionBinder(context).BindScalarFunction(DEFAULT_SCHEMA, "list_contains", std::move(arguments), error);
    if (!holds || error.HasError() || holds->return_type.id() != LogicalTypeId::BOOLEAN)
        return false;
    get.table_filters.PushFilter(*plain, make_uniq<ExpressionFilter>(std::move(holds)));
    return true;
}

/* ---- what a table knows of its rows ---- */

table_statistics_extended_t StatisticsOfFiles()
{
    static const auto call = TableScanFunction::GetFunction().statistics_extended;
    return call;
}

/* How many values, but not which: the engine computes functions of the least and the greatest, and leaves out what they rule out. */
unique_ptr<BaseStatistics> CountsOnly(ClientContext &context, TableFunctionGetStatisticsInput &input)
{
    auto known = StatisticsOfFiles()(context, input);
    if (!known)
        return nullptr;
    auto counts = BaseStatistics::CreateUnknown(known->GetType());
    counts.SetDistinctCount(known->GetDistinctCount());
    return counts.ToUnique();
}

/* For a plan that was copied: its functions come from the catalog anew. */
unique_ptr<BaseStatistics> CountsOnlyUnderRules(ClientContext &context, TableFunctionGetStatisticsInput &input)
{
    auto state = ConnectionState::Of(context);
    auto &table = input.bind_data->Cast<TableScanBindData>().table;
    auto name = table.ParentCatalog().GetName() + "." + table.ParentSchema().name + "." + table.name;
    bool ruled = !state->AllowsEverything() && state->Allows("filtered:" + name);
    return ruled ? CountsOnly(context, input) : StatisticsOfFiles()(context, input);
}

} // namespace

void HideBounds(LogicalGet &get)
{
    bool file = get.function.statistics_extended == StatisticsOfFiles();
    get.function.statistics = nullptr;
    get.function.statistics_extended = file ? CountsOnly : nullptr;
}

void HideBoundsInCopies(DatabaseInstance &instance)
{
    Connection connection(instance);
    connection.context->RunFunctionInTransaction([&]() {
        auto &entry = Catalog::GetSystemCatalog(instance).GetEntry<TableFunctionCatalogEntry>(*connection.context, DEFAULT_SCHEMA, "seq_scan");
        for (auto &function : entry.functions.functions)
            function.statistics_extended = CountsOnlyUnderRules;
    });
}

bool IsTable(const LogicalGet &get)
{
    return !BindOf(get) && get.GetTable() && get.function.filter_pushdown && get.children.empty() && !get.extra_info.sample_options;
}

bool PassToTable(LogicalGet &get, const Expression &e)
{
    if (e.GetExpressionClass() == ExpressionClass::BOUND_BETWEEN)
        return PassBetween(get, e.Cast<BoundBetweenExpression>());
    if (e.GetExpressionClass() == ExpressionClass::BOUND_COMPARISON) {
        auto &comparison = e.Cast<BoundComparisonExpression>();
        return PassComparison(get, e.GetExpressionType(), *comparison.left, *comparison.right) ||
               PassComparison(get, FlipComparisonExpression(e.GetExpressionType()), *comparison.right, *comparison.left);
    }
    HintList(get, e);
    return false;
}

void MoveLists(ClientContext &context, LogicalGet &get, LogicalFilter &rule)
{
    for (idx_t i = 0; i < rule.expressions.size();) {
        if (MoveList(context, get, *rule.expressions[i]))
            rule.expressions.erase_at(i);
        else
            i++;
    }
}

} // namespace tl
