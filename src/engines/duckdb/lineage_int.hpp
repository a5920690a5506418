/* engines/duckdb/lineage_int.hpp -- where the columns of a statement come from, read off its bound plan.
 *
 * Why here: after binding every name is settled and nothing has been pruned or rewritten; what is told is what the engine will do.
 * What:     each output column has a Flow: columns whose values reach it, columns that only steer it, and its expression in the
 *           words of the columns.  A governed view (the first projection over a dataset that is seen in part) is looked through: its
 *           columns are those of the dataset, its masks and row rules show nowhere.
 * Bounds:   NODES_MAX operators and expressions, WORK_MAX merged columns, FLOW_MAX columns a flow, TEXT_MAX bytes an expression;
 *           beyond, the report says "incomplete".
 */
#ifndef TL_ENGINES_DUCKDB_LINEAGE_INT_HPP
#define TL_ENGINES_DUCKDB_LINEAGE_INT_HPP

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "duckdb/planner/bound_statement.hpp"
#include "duckdb/planner/column_binding_map.hpp"
#include "duckdb/planner/expression.hpp"
#include "duckdb/planner/logical_operator.hpp"

#include "engines/duckdb/c_headers_int.hpp"
#include "engines/duckdb/state_int.hpp"
#include "engine/lineage.h"

namespace duckdb {
class BoundCaseExpression;
class BoundSubqueryExpression;
class LogicalComparisonJoin;
class LogicalCTE;
class LogicalGet;
class LogicalInsert;
class LogicalMergeInto;
class LogicalUpdate;
class TableCatalogEntry;
struct BoundOrderByNode;
}

namespace tl {

enum class How : uint8_t { FILTER, JOIN, GROUP, ORDER, WINDOW, CONDITION };
enum class FlowKind : uint8_t { IDENTITY, TRANSFORMATION, AGGREGATION };

struct Steer {
    uint32_t column;
    How how;
    bool operator<(const Steer &other) const
    {
        return column != other.column ? column < other.column : how < other.how;
    }
    bool operator==(const Steer &other) const
    {
        return column == other.column && how == other.how;
    }
};
using Steering = std::vector<Steer>; /* sorted, each once */

/* What reaches one column of an operator. */
struct Flow {
    std::vector<uint32_t> from; /* sorted, each once */
    Steering by;                /* only this column; what steers all of an operator's rows stands apart */
    FlowKind kind = FlowKind::IDENTITY;
    std::string text;    /* columns as "\1number\2" until they are named */
    bool whole = true;   /* needs no brackets */
};
using FlowPtr = std::shared_ptr<const Flow>;

/* A column of a dataset, by numbers of its own. */
struct LineageColumn {
    uint32_t dataset;
    std::string name;
};
struct LineageDataset {
    std::string source, schema, name;
    bool operator<(const LineageDataset &o) const
    {
        return source != o.source ? source < o.source : schema != o.schema ? schema < o.schema : name < o.name;
    }
};

class Lineage {
public:
    enum { NODES_MAX = 50000, WORK_MAX = 2000000, FLOW_MAX = 1000, TEXT_MAX = 1000, ROUNDS_MAX = 8, JOINS_MAX = 1000 };

    Lineage(const ConnectionState &state_p, enum tl_lineage_wish wish_p) : state(state_p), wish(wish_p)
    {
    }
    void ReadStatement(duckdb::BoundStatement &statement);
    /* engine/lineage.h */
    std::string Report();

private:
    struct Output {
        std::string name;
        Flow flow;
    };

    const ConnectionState &state;
    const enum tl_lineage_wish wish;
    std::vector<LineageDataset> datasets;
    std::map<LineageDataset, uint32_t> dataset_numbers;
    std::vector<LineageColumn> columns;
    std::map<std::pair<uint32_t, std::string>, uint32_t> column_numbers;
    duckdb::column_binding_map_t<FlowPtr> flows;
    std::map<duckdb::idx_t, std::vector<FlowPtr>> ctes;
    std::vector<std::pair<uint32_t, uint32_t>> joins;
    std::vector<Output> outputs;
    std::map<std::string, size_t> output_numbers;
    std::vector<bool> ambiguous; /* per column: the statement reads another dataset's of the same name */
    bool has_target = false; /* of UPDATE and MERGE */
    LineageDataset target;
    Steering steering;
    size_t nodes = 0, work = 0;
    bool incomplete = false;

    /* lineage.cpp: operators */
    bool Spend(size_t amount = 1);
    uint32_t ColumnNumber(const LineageDataset &dataset, const std::string &name);
    bool DatasetRead(const duckdb::LogicalGet &get, LineageDataset &ret) const;
    const duckdb::LogicalGet *GovernedGet(const duckdb::LogicalOperator &projection, LineageDataset &ret) const;
    FlowPtr Identity(uint32_t column);
    void Merge(Flow &to, const Flow &flow);
    void Add(Steering &to, const Steering &more);
    void Add(Steering &to, const Flow &flow, How how);
    void Set(duckdb::idx_t table, duckdb::idx_t column, FlowPtr flow);
    std::vector<FlowPtr> OutputsOf(duckdb::LogicalOperator &op);
    void Walk(duckdb::LogicalOperator &op, Steering &steer);
    void WalkChildren(duckdb::LogicalOperator &op, Steering &steer);
    void WalkGet(duckdb::LogicalGet &get, Steering &steer);
    void WalkProjection(duckdb::LogicalOperator &op, Steering &steer);
    void WalkAggregate(duckdb::LogicalOperator &op, Steering &steer);
    void WalkTable(duckdb::LogicalOperator &op, duckdb::idx_t table, Steering &steer);
    void WalkApart(duckdb::LogicalOperator &op);
    void WalkComparisonJoin(duckdb::LogicalComparisonJoin &join, Steering &steer);
    void WalkCrossProduct(duckdb::LogicalOperator &op, Steering &steer);
    void WalkSetOperation(duckdb::LogicalOperator &op, Steering &steer);
    void WalkCte(duckdb::LogicalCTE &cte, Steering &steer);
    void WalkRecursion(duckdb::LogicalCTE &cte, Steering &steer);
    void WalkExpressionGet(duckdb::LogicalOperator &op);
    void SteerBy(duckdb::LogicalOperator &op, How how, Steering &steer);
    void Condition(const duckdb::Expression &e, How how, Steering &steer);
    void NoteJoin(const Flow &left, const Flow &right);

    /* lineage_write.cpp: what becomes of them */
    void SetTarget(const duckdb::TableCatalogEntry &table);
    std::vector<bool> Used() const;
    void AddOutput(const std::string &name, const Flow &flow, const Steering &more);
    void ReadInsert(duckdb::LogicalInsert &insert);
    void ReadUpdate(duckdb::LogicalUpdate &update);
    void ReadMerge(duckdb::LogicalMergeInto &merge);
    void ReadCreate(duckdb::LogicalOperator &create);
    void ReadQuery(duckdb::LogicalOperator &root, const duckdb::vector<std::string> &names);
    std::string Name(const std::string &text) const;
    void FindAmbiguous();
    void PutColumn(struct tl_json_writer &json, uint32_t column) const;
    void PutSteering(struct tl_json_writer &json, const Steering &by) const;
    void PutOutput(struct tl_json_writer &json, const Output &output, bool values_only) const;
    void PutReads(struct tl_json_writer &json) const;
    bool Write(struct tl_buf *buf, enum tl_lineage_wish what) const;

    /* lineage_text.cpp: expressions */
    Flow Read(const duckdb::Expression &e);
    void ReadOrders(const duckdb::vector<duckdb::BoundOrderByNode> &orders, How how, Flow &flow, std::string &text);
    Flow ReadColumn(const duckdb::Expression &e);
    Flow ReadFunction(const duckdb::Expression &e);
    Flow ReadAggregate(const duckdb::Expression &e);
    Flow ReadWindow(const duckdb::Expression &e);
    Flow ReadCase(const duckdb::BoundCaseExpression &e);
    Flow ReadCast(const duckdb::Expression &e);
    Flow ReadSubquery(const duckdb::BoundSubqueryExpression &e);
    Flow ReadOperator(const duckdb::Expression &e);
    Flow ReadRest(const duckdb::Expression &e);
    Flow Joined(const std::vector<const duckdb::Expression *> &parts, const char *between);
    std::string Part(Flow &into, const duckdb::Expression &e, bool brackets);
    void Say(Flow &flow, const std::string &text, bool whole) const;
};

} // namespace tl

#endif
