/* From a collected relation to struct tl_derivation, and the question to the source. */
#include "duckdb/planner/expression/list.hpp"

#include "engines/duckdb/scan_expr_int.hpp"
#include "engines/duckdb/scan_relation_int.hpp"
#include "engines/duckdb/scan_types_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

class Writer {
public:
    Writer(ClientContext &context_p, const Relation &relation_p, Dataset &made_p) : context(context_p), relation(relation_p), made(made_p)
    {
    }

    const char *reason = nullptr;

    struct tl_derivation *Write(const vector<const Expression *> &outputs, bool grouped, idx_t group_count)
    {
        auto said = TL_NEW(made.arena, struct tl_derivation);
        auto inputs = TL_NEW_ARRAY(made.arena, struct tl_derivation_input, relation.inputs.size());
        for (idx_t i = 0; i < relation.inputs.size(); i++) {
            auto &input = relation.inputs[i];
            inputs[i].dataset = input.dataset->described;
            inputs[i].join = input.join;
            inputs[i].condition_count = input.conditions.size();
            inputs[i].conditions = All(input.conditions);
            if (!inputs[i].conditions)
                return nullptr;
        }
        said->input_count = relation.inputs.size();
        said->inputs = inputs;
        said->filter_count = relation.filters.size();
        said->filters = All(relation.filters);
        said->output_count = outputs.size();
        said->outputs = All(outputs);
        said->grouped = grouped;
        said->group_count = group_count;
        said->groups = said->outputs; /* the first ones */
        return said->filters && said->outputs ? said : nullptr;
    }

private:
    ClientContext &context;
    const Relation &relation;
    Dataset &made;

    template <class LIST> const struct tl_expr *const *All(const LIST &expressions)
    {
        auto said = TL_NEW_ARRAY(made.arena, const struct tl_expr *, expressions.size() + 1);
        for (idx_t i = 0; i < expressions.size(); i++) {
            said[i] = Translate(context, *expressions[i], [&](const Expression &e) { return PlaceOf(e); }, made.arena, &reason);
            if (!said[i])
                return nullptr;
        }
        return said;
    }

    Place PlaceOf(const Expression &e)
    {
        auto &binding = e.Cast<BoundColumnRefExpression>().binding;
        return {static_cast<int>(binding.table_index), static_cast<int>(binding.column_index)};
    }
};

/* The types that come are exactly those that the plan has. */
bool SameTypes(const Dataset &made, const vector<const Expression *> &outputs)
{
    if (made.described->column_count != outputs.size())
        return false;
    for (idx_t i = 0; i < outputs.size(); i++)
        if (made.described->columns[i].unsupported || ToLogicalType(made.described->columns[i].type) != outputs[i]->return_type)
            return false;
    return true;
}

template <class LIST> string Listed(const LIST &expressions, const char *separator, idx_t from, idx_t to)
{
    string text;
    for (idx_t i = from; i < to; i++)
        text += (i > from ? separator : "") + FilterText(*expressions[i]);
    return text;
}

void Describe(const Relation &relation, const vector<const Expression *> &outputs, bool grouped, idx_t group_count, Dataset &made)
{
    static const char *const joins[] = {"INNER", "LEFT", "SEMI", "ANTI"};
    for (auto &input : relation.inputs) {
        made.inputs.push_back(input.dataset);
        made.does.insert(made.does.end(), input.dataset->does.begin(), input.dataset->does.end());
    }
    for (auto &filter : relation.filters)
        made.does.push_back({"filter", FilterText(*filter), ""});
    for (idx_t i = 1; i < relation.inputs.size(); i++) {
        auto &conditions = relation.inputs[i].conditions;
        made.does.push_back({"join", string(joins[relation.inputs[i].join]) + " " + Listed(conditions, " AND ", 0, conditions.size()), ""});
    }
    if (!grouped)
        return;
    auto aggregates = Listed(outputs, ", ", group_count, outputs.size());
    auto groups = Listed(outputs, ", ", 0, group_count);
    made.does.push_back({"aggregate", aggregates.empty()    ? "DISTINCT " + groups
                                      : groups.empty() ? aggregates
                                                       : aggregates + " BY " + groups, ""});
}

} // namespace

shared_ptr<Dataset> Collector::Derive(const Relation &relation, const vector<const Expression *> &outputs, bool grouped, idx_t group_count)
{
    auto base = DatasetOf(*relation.scan);
    if (!base->driver->derive) {
        Decline("the source computes nothing");
        return nullptr;
    }
    auto made = make_shared_ptr<Dataset>(base->calls);
    made->arena = tl_arena_new(PLANNING_BYTES_MAX);
    made->source_name = base->source_name;
    made->driver = base->driver;
    made->source = base->source;
    Writer writer(context, relation, *made);
    auto said = outputs.empty() ? nullptr : writer.Write(outputs, grouped, group_count);
    if (!said) {
        Decline(writer.reason ? writer.reason : "no column is wanted");
        return nullptr;
    }
    struct tl_source_dataset *described = nullptr;
    const char *reason = nullptr;
    if (!base->driver->derive(base->source, said, made->arena, &described, &reason)) {
        Decline(reason ? reason : "the source does not mean the same by it");
        return nullptr;
    }
    made->described = described;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_arena_check(made->arena, "the plan of a source", &err) != TL_OK || !SameTypes(*made, outputs)) {
        Decline("the source would answer with other types");
        return nullptr;
    }
    for (auto output : outputs) {
        made->types.push_back(output->return_type);
        made->labels.push_back(output->GetName());
    }
    Describe(relation, outputs, grouped, group_count, *made);
    ConnectionState::Of(context)->Remember(made);
    return made;
}

shared_ptr<Dataset> Collector::Derive(const Relation &relation, const vector<unique_ptr<Expression>> &outputs)
{
    vector<const Expression *> all;
    for (auto &output : outputs)
        all.push_back(output.get());
    auto made = Derive(relation, all, false, 0);
    if (made)
        made->rows = relation.rows;
    return made;
}

shared_ptr<Dataset> Collector::Derive(const Relation &relation, const Grouping &grouping)
{
    vector<const Expression *> all;
    for (auto &group : grouping.groups) {
        if (group->IsFoldable()) {
            Decline("groups by a constant");
            return nullptr;
        }
        all.push_back(group.get());
    }
    for (auto &aggregate : grouping.aggregates)
        all.push_back(aggregate.get());
    auto made = Derive(relation, all, true, grouping.groups.size());
    if (made)
        made->rows = GroupRows(relation, grouping);
    return made;
}

double WidthOf(const vector<LogicalType> &types)
{
    const double text_bytes_guess = 20;
    double width = 0;
    for (auto &type : types)
        width += TypeIsConstantSize(type.InternalType()) ? static_cast<double>(GetTypeIdSize(type.InternalType())) : text_bytes_guess;
    return width;
}

} // namespace tl
