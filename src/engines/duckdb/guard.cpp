/* The check of the bound plan: the second of two independent lines.  Everything is an allow-list: kinds of operators that only
 * read and combine are always allowed, all that reaches data or changes something needs an entry of the guard. */
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/common/exception.hpp"
#include "duckdb/main/database_manager.hpp"
#include "duckdb/parser/parsed_data/alter_info.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/planner/expression/bound_cast_expression.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression/bound_subquery_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/logical_operator_visitor.hpp"
#include "duckdb/planner/operator/list.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"
#include "duckdb/planner/planner_extension.hpp"

#include "engines/duckdb/guard_int.hpp"
#include "engines/duckdb/lineage_ask_int.hpp"
#include "engines/duckdb/scan_int.hpp"
#include "engines/duckdb/state_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* Scalar functions that look outside the statement; the caller's own allow-list is the first line. */
const char *const refused_scalars[] = {
    "current_query", "current_setting", "json_serialize_plan", "nextval", "parse_duckdb_log_message", "setseed", "write_log",
};

bool OnlyReads(LogicalOperatorType type)
{
    switch (type) {
    case LogicalOperatorType::LOGICAL_PROJECTION:
    case LogicalOperatorType::LOGICAL_FILTER:
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
    case LogicalOperatorType::LOGICAL_WINDOW:
    case LogicalOperatorType::LOGICAL_UNNEST:
    case LogicalOperatorType::LOGICAL_LIMIT:
    case LogicalOperatorType::LOGICAL_ORDER_BY:
    case LogicalOperatorType::LOGICAL_TOP_N:
    case LogicalOperatorType::LOGICAL_DISTINCT:
    case LogicalOperatorType::LOGICAL_SAMPLE:
    case LogicalOperatorType::LOGICAL_PIVOT:
    case LogicalOperatorType::LOGICAL_DELIM_GET:
    case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
    case LogicalOperatorType::LOGICAL_DUMMY_SCAN:
    case LogicalOperatorType::LOGICAL_EMPTY_RESULT:
    case LogicalOperatorType::LOGICAL_CTE_REF:
    case LogicalOperatorType::LOGICAL_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN:
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_ANY_JOIN:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
    case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN:
    case LogicalOperatorType::LOGICAL_ASOF_JOIN:
    case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
    case LogicalOperatorType::LOGICAL_UNION:
    case LogicalOperatorType::LOGICAL_EXCEPT:
    case LogicalOperatorType::LOGICAL_INTERSECT:
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
    case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE:
        return true;
    default:
        return false;
    }
}

[[noreturn]] void Refuse(ClientContext &context, const string &what)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_err_set(&err, TL_NOT_ALLOWED, "the plan of the statement goes beyond what was allowed");
    tl_err_detail(&err, "%s", what.c_str());
    Throw(context, err);
}

class Guard {
public:
    Guard(ClientContext &context_p, const ConnectionState &state_p) : context(context_p), state(state_p)
    {
    }

    /* filtered: a filter stands between this operator and the nearest projection above it. */
    void Walk(LogicalOperator &op, bool filtered = false)
    {
        CheckOperator(op, filtered);
        bool projects = op.type == LogicalOperatorType::LOGICAL_PROJECTION;
        filtered = op.type == LogicalOperatorType::LOGICAL_FILTER || (filtered && !projects);
        for (auto &child : op.children)
            Walk(*child, filtered);
        /* below have been met: their masked columns are known */
        LogicalOperatorVisitor::EnumerateExpressions(op, [&](unique_ptr<Expression> *expression) {
            CheckMasked(op, **expression);
            WalkExpression(**expression);
        });
    }

private:
    ClientContext &context;
    const ConnectionState &state;
    column_binding_map_t<string> masked; /* columns that only masks may read, by what the plan calls them */

    void Require(const string &kind, const string &name)
    {
        if (!state.Allows(kind + ":" + name))
            Refuse(context, kind + " \"" + name + "\"");
    }

    /* Of a dataset that the caller sees only a part of: the columns that the scan reads, and that a row rule stands above it. */
    void CheckPart(const LogicalGet &get, const string &name, bool filtered)
    {
        if (!state.Allows("part:" + name))
            return;
        if (state.Allows("filtered:" + name) && !filtered)
            Refuse(context, "rows of \"" + name + "\" without its row rule");
        auto &ids = get.GetColumnIds();
        for (idx_t i = 0; i < ids.size(); i++) {
            if (ids[i].IsEmptyColumn() || ids[i].IsRowIdColumn())
                continue;
            if (ids[i].IsVirtualColumn())
                Refuse(context, "a virtual column of \"" + name + "\"");
            string column = name + "." + get.names[ids[i].GetPrimaryIndex()];
            if (state.Allows("masked:" + column) && !state.Allows("bare:" + column))
                masked[ColumnBinding(get.table_index, i)] = column;
            else if (!state.Allows("bare:" + column))
                Require("column", column);
        }
    }

    /* A mask computes something of the column; handing it on as it is, or only cast, is none.  Row rules (filters, and the joins
     * they become) compare it and hand nothing on. */
    void CheckMasked(const LogicalOperator &op, const Expression &whole)
    {
        if (masked.empty())
            return;
        bool reads_only = op.type == LogicalOperatorType::LOGICAL_FILTER || op.type == LogicalOperatorType::LOGICAL_COMPARISON_JOIN ||
                          op.type == LogicalOperatorType::LOGICAL_ANY_JOIN || op.type == LogicalOperatorType::LOGICAL_DELIM_JOIN;
        if (reads_only)
            return;
        const Expression *expression = &whole;
        while (expression->GetExpressionClass() == ExpressionClass::BOUND_CAST)
            expression = expression->Cast<BoundCastExpression>().child.get();
        bool bare = expression->GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF;
        if (!bare && op.type == LogicalOperatorType::LOGICAL_PROJECTION)
            return;
        ExpressionIterator::VisitExpression<BoundColumnRefExpression>(whole, [&](const BoundColumnRefExpression &column) {
            auto found = masked.find(column.binding);
            if (found != masked.end())
                Refuse(context, "the column \"" + found->second + "\" without its mask");
        });
    }

    void RequireOperator(const string &name)
    {
        Require("operator", StringUtil::StartsWith(name, "LOGICAL_") ? name.substr(strlen("LOGICAL_")) : name);
    }

    void RequireWrite(const string &catalog, const string &schema, const string &name)
    {
        string full = (catalog.empty() ? DatabaseManager::GetDefaultDatabase(context) : catalog) + "." + schema;
        Require("write", name.empty() ? full : full + "." + name);
    }

    void RequireWrite(const TableCatalogEntry &table)
    {
        RequireWrite(table.ParentCatalog().GetName(), table.ParentSchema().name, table.name);
    }

    void CheckGet(const LogicalGet &get, bool filtered)
    {
        auto table = get.GetTable();
        auto dataset = table ? nullptr : DatasetOf(get);
        if (dataset && !dataset->inputs.empty())
            Refuse(context, "a plan that was made before");
        if (!table && !dataset)
            return Require("function", StringUtil::Lower(get.function.name));
        string name = table ? table->ParentCatalog().GetName() + "." + table->ParentSchema().name + "." + table->name
                            : dataset->source_name + "." + dataset->described->schema + "." + dataset->described->name;
        Require(table ? "table" : "scan", name);
        CheckPart(get, name, filtered);
    }

    void CheckDrop(const DropInfo &info)
    {
        if (info.type == CatalogType::SCHEMA_ENTRY)
            return RequireWrite(info.catalog, info.name, "");
        if (info.type == CatalogType::TABLE_ENTRY || info.type == CatalogType::VIEW_ENTRY)
            return RequireWrite(info.catalog, info.schema, info.name);
        RequireOperator("DROP_" + EnumUtil::ToString(info.type));
    }

    void CheckAlter(const AlterInfo &info)
    {
        if (info.type != AlterType::ALTER_TABLE && info.type != AlterType::ALTER_VIEW)
            RequireOperator("ALTER_" + EnumUtil::ToString(info.type));
        RequireWrite(info.catalog, info.schema, info.name);
    }

    void CheckCreateTable(LogicalCreateTable &create)
    {
        auto &info = create.info->Base();
        RequireWrite(create.schema.ParentCatalog().GetName(), create.schema.name, info.table);
        if (create.info->query)
            Walk(*create.info->query);
    }

    void CheckCreateView(LogicalCreate &create)
    {
        RequireOperator("CREATE_VIEW"); /* what the view reads is not in the plan */
        if (!create.schema)
            return RequireOperator("CREATE_VIEW_ANYWHERE");
        RequireWrite(create.schema->ParentCatalog().GetName(), create.schema->name, create.info->Cast<CreateViewInfo>().view_name);
    }

    void CheckOperator(LogicalOperator &op, bool filtered)
    {
        if (OnlyReads(op.type))
            return;
        switch (op.type) {
        case LogicalOperatorType::LOGICAL_GET:
            return CheckGet(op.Cast<LogicalGet>(), filtered);
        case LogicalOperatorType::LOGICAL_INSERT:
            return RequireWrite(op.Cast<LogicalInsert>().table);
        case LogicalOperatorType::LOGICAL_UPDATE:
            return RequireWrite(op.Cast<LogicalUpdate>().table);
        case LogicalOperatorType::LOGICAL_DELETE:
            return RequireWrite(op.Cast<LogicalDelete>().table);
        case LogicalOperatorType::LOGICAL_MERGE_INTO:
            return RequireWrite(op.Cast<LogicalMergeInto>().table);
        case LogicalOperatorType::LOGICAL_CREATE_TABLE:
            return CheckCreateTable(op.Cast<LogicalCreateTable>());
        case LogicalOperatorType::LOGICAL_CREATE_VIEW:
            return CheckCreateView(static_cast<LogicalCreate &>(op));
        case LogicalOperatorType::LOGICAL_CREATE_SCHEMA: {
            auto &info = *static_cast<LogicalCreate &>(op).info;
            return RequireWrite(info.catalog, info.schema, "");
        }
        case LogicalOperatorType::LOGICAL_DROP:
            return CheckDrop(static_cast<LogicalSimple &>(op).info->Cast<DropInfo>());
        case LogicalOperatorType::LOGICAL_ALTER:
            return CheckAlter(static_cast<LogicalSimple &>(op).info->Cast<AlterInfo>());
        default:
            RequireOperator(EnumUtil::ToString(op.type));
        }
    }

    void CheckScalar(const string &name)
    {
        for (auto refused : refused_scalars)
            if (StringUtil::CIEquals(name, refused))
                Require("scalar", StringUtil::Lower(name));
    }

    void WalkExpression(Expression &expression)
    {
        if (expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
            CheckScalar(expression.Cast<BoundFunctionExpression>().function.name);
        } else if (expression.GetExpressionClass() == ExpressionClass::BOUND_SUBQUERY) {
            auto &subquery = expression.Cast<BoundSubqueryExpression>().subquery;
            if (!subquery.plan)
                Require("operator", "SUBQUERY_WITHOUT_PLAN");
            else
                Walk(*subquery.plan);
        }
        ExpressionIterator::EnumerateChildren(expression, [&](unique_ptr<Expression> &child) { WalkExpression(*child); });
    }
};

void CheckPlan(PlannerExtensionInput &input, BoundStatement &statement)
{
    auto state = ConnectionState::Of(input.context);
    if (!statement.plan || state->AllowsEverything())
        return;
    Guard(input.context, *state).Walk(*statement.plan);
    TellLineage(input.context, *state, statement);
}

} // namespace

void CheckAllowed(const ConnectionState &state, const Dataset &dataset, ClientContext &context)
{
    if (state.AllowsEverything())
        return;
    std::vector<std::string> names;
    AddBases(dataset, names);
    for (auto &name : names)
        if (!state.Allows("scan:" + dataset.source_name + "." + name))
            Refuse(context, "scan \"" + dataset.source_name + "." + name + "\"");
}

void InstallGuard(DatabaseInstance &instance)
{
    PlannerExtension extension;
    extension.post_bind_function = CheckPlan;
    PlannerExtension::Register(DBConfig::GetConfig(instance), std::move(extension));
}

} // namespace tl
