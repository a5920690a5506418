/* engines/duckdb/scan_relation_int.hpp -- a part of a plan that reads one source only, said as a struct tl_derivation would.
 *
 * Collect walks down from an operator to scans of ours, through projections, filters, joins, groups and DISTINCT; it changes
 *   nothing.  In what it collects, a BoundColumnRef (i, c) is column c of input i: references to the plan are gone.
 * What cannot stand in one derivation beside others (a group below a join, an outer join of an outer join's result) becomes an
 *   input that is derived itself.
 */
#ifndef TL_ENGINES_DUCKDB_SCAN_RELATION_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_RELATION_INT_HPP

#include "duckdb/planner/column_binding_map.hpp"
#include "duckdb/planner/operator/logical_aggregate.hpp"
#include "duckdb/planner/operator/logical_comparison_join.hpp"
#include "duckdb/planner/operator/logical_distinct.hpp"

#include "engines/duckdb/scan_int.hpp"

namespace tl {

struct RelationInput {
    duckdb::shared_ptr<Dataset> dataset;
    enum tl_join_kind join = TL_JOIN_INNER;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> conditions;
    double rows = -1; /* estimated, after the filters on it alone; -1 = unknown */
};

struct Relation {
    std::vector<RelationInput> inputs;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> filters;
    duckdb::column_binding_map_t<duckdb::unique_ptr<duckdb::Expression>> columns; /* of the plan: what they mean */
    double rows = -1;       /* estimated; -1 = unknown */
    double bytes = 0;       /* that its scans would bring if nothing were joined or grouped by the source */
    bool known = true;      /* rows of all scans */
    bool reduces = true;    /* joined so that no row comes twice and none gets wider: only semi and anti */
    const duckdb::LogicalGet *scan = nullptr; /* one of them */
};

/* Groups and aggregates, or DISTINCT, ready to be derived. */
struct Grouping {
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> groups, aggregates;
    /* The engine packs values of known range before it groups; the source gets them unpacked, and this packs what comes: the
     * expression over BoundColumnRef (0, i), NULL for a group that is not packed. */
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> packing;

    bool Packs() const;
    /* What the plan wants as output `i`, over the column that the source gives for it. */
    duckdb::unique_ptr<duckdb::Expression> Packed(duckdb::idx_t i, duckdb::unique_ptr<duckdb::Expression> column) const;
};

class Collector {
public:
    explicit Collector(duckdb::ClientContext &context_p) : context(context_p)
    {
    }

    /* Why not; set when one of these says false or NULL. */
    std::string reason;

    bool Collect(duckdb::LogicalOperator &op, Relation &out);
    /* `op`: an aggregate or DISTINCT */
    bool Group(duckdb::LogicalOperator &op, const Relation &relation, Grouping &out);
    /* A column of the plan, in terms of the relation. */
    duckdb::unique_ptr<duckdb::Expression> Column(const Relation &relation, const duckdb::ColumnBinding &binding, const duckdb::LogicalType &type);

    /* Asks the source. */
    duckdb::shared_ptr<Dataset> Derive(const Relation &relation, const Grouping &grouping);
    duckdb::shared_ptr<Dataset> Derive(const Relation &relation, const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> &outputs);

    /* Rows of the groups; -1 = unknown. */
    static double GroupRows(const Relation &relation, const Grouping &grouping);
    /* Does each row make a group of its own? */
    static bool GroupsByKey(const Relation &relation, const Grouping &grouping);

private:
    duckdb::ClientContext &context;
    int nodes = 0, depth = 0;

    bool Decline(const std::string &why);
    bool CollectInner(duckdb::LogicalOperator &op, Relation &out);
    bool TakeScan(duckdb::LogicalGet &get, Relation &out);
    bool TakeScanFilters(const duckdb::LogicalGet &get, Relation &out);
    bool TakeProjection(duckdb::LogicalOperator &op, Relation &out);
    bool TakeFilter(duckdb::LogicalOperator &op, Relation &out);
    bool TakeGroups(duckdb::LogicalOperator &op, Relation &out);
    bool GroupAggregate(const duckdb::LogicalAggregate &op, const Relation &relation, Grouping &out);
    bool GroupDistinct(duckdb::LogicalDistinct &op, const Relation &relation, Grouping &out);
    bool TakeJoin(duckdb::LogicalComparisonJoin &join, Relation &out);
    bool Combine(const duckdb::LogicalComparisonJoin &join, enum tl_join_kind kind, Relation &out, Relation &right);
    bool AddConditions(const duckdb::LogicalComparisonJoin &join, enum tl_join_kind kind, duckdb::idx_t first, Relation &out);
    bool Nest(duckdb::LogicalOperator &op, Relation &relation);
    bool Inline(duckdb::unique_ptr<duckdb::Expression> &e, const Relation &relation);
    void Unpack(duckdb::unique_ptr<duckdb::Expression> &group, duckdb::idx_t index, Grouping &out);
    void Begin(const duckdb::shared_ptr<Dataset> &dataset, const duckdb::LogicalGet *scan, double rows, Relation &out);
    duckdb::shared_ptr<Dataset> Derive(const Relation &relation, const duckdb::vector<const duckdb::Expression *> &outputs, bool grouped,
                                       duckdb::idx_t group_count);
};

bool IsScan(const duckdb::LogicalOperator &op);

/* Joins that compare NULLs as equal become plain ones where one side has no NULL. */
void SimplifyJoins(duckdb::LogicalOperator &op);

} // namespace tl

#endif
