/* What a statement makes of the columns it reads: its outputs, and the report of all. */
#include <algorithm>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/planner/operator/list.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"

#include "engines/duckdb/lineage_int.hpp"

using namespace duckdb;

namespace tl {

enum { REPORT_BYTES_MAX = 1024 * 1024 };

/* Several flows into one column (MERGE) are one.  An engine that writes whole rows sets the other columns to what they are. */
void Lineage::AddOutput(const std::string &name, const Flow &flow, const Steering &more)
{
    bool itself = has_target && flow.kind == FlowKind::IDENTITY && flow.from.size() == 1 && columns[flow.from[0]].name == name &&
                  !(datasets[columns[flow.from[0]].dataset] < target) && !(target < datasets[columns[flow.from[0]].dataset]);
    if (itself || !Spend())
        return;
    auto known = output_numbers.emplace(name, outputs.size());
    if (known.second)
        outputs.push_back({name, flow});
    Output *found = &outputs[known.first->second];
    if (!known.second) {
        std::string text = found->flow.text == flow.text || flow.text.empty() ? found->flow.text : found->flow.text + " | " + flow.text;
        Merge(found->flow, flow);
        found->flow.kind = std::max(found->flow.kind, flow.kind);
        Say(found->flow, text, false);
    }
    Add(found->flow.by, more);
}

static std::string PhysicalName(const TableCatalogEntry &table, idx_t index)
{
    return table.GetColumns().GetColumn(PhysicalIndex(index)).Name();
}

void Lineage::ReadInsert(LogicalInsert &insert)
{
    if (insert.children.empty())
        return;
    Walk(*insert.children[0], steering);
    auto from = OutputsOf(*insert.children[0]);
    idx_t count = insert.table.GetColumns().PhysicalColumnCount();
    for (idx_t i = 0; i < count; i++) {
        idx_t at = insert.column_index_map.empty() ? i : insert.column_index_map[PhysicalIndex(i)];
        if (at < from.size())
            AddOutput(PhysicalName(insert.table, i), *from[at], {});
    }
}

void Lineage::SetTarget(const TableCatalogEntry &table)
{
    std::string catalog = table.ParentCatalog().GetName();
    has_target = true;
    target = {catalog.rfind("p:", 0) == 0 ? catalog.substr(2) : catalog, table.ParentSchema().name, table.name};
}

void Lineage::ReadUpdate(LogicalUpdate &update)
{
    SetTarget(update.table);
    Walk(*update.children[0], steering);
    for (idx_t i = 0; i < update.columns.size() && i < update.expressions.size(); i++)
        AddOutput(PhysicalName(update.table, update.columns[i].index), Read(*update.expressions[i]), {});
}

void Lineage::ReadMerge(LogicalMergeInto &merge)
{
    SetTarget(merge.table);
    Walk(*merge.children[0], steering);
    for (auto &when : merge.actions) {
        for (auto &action : when.second) {
            Steering condition;
            if (action->condition)
                Add(condition, Read(*action->condition), How::CONDITION);
            if (action->action_type == MergeActionType::MERGE_UPDATE) {
                for (idx_t i = 0; i < action->columns.size() && i < action->expressions.size(); i++)
                    AddOutput(PhysicalName(merge.table, action->columns[i].index), Read(*action->expressions[i]), condition);
            } else if (action->action_type == MergeActionType::MERGE_INSERT) {
                for (idx_t i = 0; i < merge.table.GetColumns().PhysicalColumnCount(); i++) {
                    idx_t at = action->column_index_map.empty() ? i : action->column_index_map[PhysicalIndex(i)];
                    if (at < action->expressions.size())
                        AddOutput(PhysicalName(merge.table, i), Read(*action->expressions[at]), condition);
                }
            } else {
                Add(steering, condition);
            }
        }
    }
}

void Lineage::ReadCreate(LogicalOperator &op)
{
    auto &info = *op.Cast<LogicalCreateTable>().info;
    LogicalOperator *query = !op.children.empty() ? op.children[0].get() : info.query.get();
    if (!query)
        return;
    Walk(*query, steering);
    auto from = OutputsOf(*query);
    auto &made = info.Base().columns;
    for (idx_t i = 0; i < from.size() && i < made.LogicalColumnCount(); i++)
        AddOutput(made.GetColumn(LogicalIndex(i)).Name(), *from[i], {});
}

void Lineage::ReadQuery(LogicalOperator &root, const vector<string> &names)
{
    Walk(root, steering);
    auto from = OutputsOf(root);
    for (idx_t i = 0; i < from.size() && i < names.size() && Spend(); i++)
        outputs.push_back({names[i], *from[i]}); /* names may come twice: the door counts them */
}

void Lineage::ReadStatement(BoundStatement &statement)
{
    auto &plan = *statement.plan;
    switch (plan.type) {
    case LogicalOperatorType::LOGICAL_INSERT:
        return ReadInsert(plan.Cast<LogicalInsert>());
    case LogicalOperatorType::LOGICAL_UPDATE:
        return ReadUpdate(plan.Cast<LogicalUpdate>());
    case LogicalOperatorType::LOGICAL_MERGE_INTO:
        return ReadMerge(plan.Cast<LogicalMergeInto>());
    case LogicalOperatorType::LOGICAL_CREATE_TABLE:
        return ReadCreate(plan);
    case LogicalOperatorType::LOGICAL_DELETE:
        return Walk(*plan.children[0], steering);
    default:
        return ReadQuery(plan, statement.names);
    }
}

/* ---- the report ---- */

void Lineage::FindAmbiguous()
{
    std::map<std::string, std::pair<uint32_t, bool>> names; /* the first dataset of the name; are there others? */
    auto used = Used();
    for (uint32_t i = 0; i < columns.size(); i++) {
        if (!used[i])
            continue;
        auto known = names.emplace(columns[i].name, std::make_pair(columns[i].dataset, false));
        known.first->second.second = known.first->second.second || known.first->second.first != columns[i].dataset;
    }
    ambiguous.clear();
    for (auto &column : columns)
        ambiguous.push_back(names[column.name].second);
}

/* "\1number\2" becomes the column's name, with its table's where the statement reads two of that name. */
std::string Lineage::Name(const std::string &text) const
{
    std::string out;
    for (size_t at = 0; at < text.size();) {
        size_t end = text[at] == '\1' ? text.find('\2', at) : std::string::npos;
        if (end == std::string::npos) {
            out += text[at++];
            continue;
        }
        auto number = static_cast<uint32_t>(std::stoul(text.substr(at + 1, end - at - 1)));
        auto &column = columns[number];
        out += ambiguous[number] ? datasets[column.dataset].name + "." + column.name : column.name;
        at = end + 1;
    }
    return out;
}

void Lineage::PutColumn(struct tl_json_writer &json, uint32_t column) const
{
    tl_json_put_int64(&json, columns[column].dataset);
    tl_json_put_text(&json, columns[column].name.c_str());
}

void Lineage::PutSteering(struct tl_json_writer &json, const Steering &by) const
{
    static const char *const words[] = {"filter", "join", "group", "order", "window", "condition"};
    tl_json_key(&json, "by");
    tl_json_begin_array(&json);
    for (auto &steer : by) {
        tl_json_begin_array(&json);
        PutColumn(json, steer.column);
        tl_json_put_text(&json, words[static_cast<int>(steer.how)]);
        tl_json_end_array(&json);
    }
    tl_json_end_array(&json);
}

void Lineage::PutOutput(struct tl_json_writer &json, const Output &output, bool values_only) const
{
    static const char *const kinds[] = {"identity", "transformation", "aggregation"};
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "name", output.name.c_str());
    tl_json_pair_text(&json, "kind", kinds[static_cast<int>(output.flow.kind)]);
    if (!values_only && !output.flow.text.empty())
        tl_json_pair_text(&json, "expression", Name(output.flow.text).c_str());
    tl_json_key(&json, "from");
    tl_json_begin_array(&json);
    for (auto column : output.flow.from) {
        tl_json_begin_array(&json);
        PutColumn(json, column);
        tl_json_end_array(&json);
    }
    tl_json_end_array(&json);
    if (!values_only)
        PutSteering(json, output.flow.by);
    tl_json_end_object(&json);
}

/* What reaches an output or steers it; of what a row rule might have read, the values alone. */
std::vector<bool> Lineage::Used() const
{
    std::vector<bool> reads(columns.size());
    for (auto &output : outputs) {
        for (auto column : output.flow.from)
            reads[column] = true;
        for (auto &steer : output.flow.by)
            reads[steer.column] = reads[steer.column] || wish != TL_LINEAGE_VALUES;
    }
    for (auto &steer : steering)
        reads[steer.column] = reads[steer.column] || wish != TL_LINEAGE_VALUES;
    return reads;
}

void Lineage::PutReads(struct tl_json_writer &json) const
{
    auto reads = Used();
    tl_json_key(&json, "reads");
    tl_json_begin_array(&json);
    for (uint32_t i = 0; i < columns.size(); i++) {
        if (!reads[i])
            continue;
        tl_json_begin_array(&json);
        PutColumn(json, i);
        tl_json_end_array(&json);
    }
    tl_json_end_array(&json);
    tl_json_key(&json, "joins");
    tl_json_begin_array(&json);
    for (auto &join : joins) {
        if (wish == TL_LINEAGE_VALUES)
            break;
        tl_json_begin_array(&json);
        PutColumn(json, join.first);
        PutColumn(json, join.second);
        tl_json_end_array(&json);
    }
    tl_json_end_array(&json);
}

bool Lineage::Write(struct tl_buf *buf, enum tl_lineage_wish what) const
{
    struct tl_json_writer json;
    tl_json_writer_init(&json, buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "datasets");
    tl_json_begin_array(&json);
    for (auto &dataset : datasets) {
        tl_json_begin_array(&json);
        for (auto part : {&dataset.source, &dataset.schema, &dataset.name})
            tl_json_put_text(&json, part->c_str());
        tl_json_end_array(&json);
    }
    tl_json_end_array(&json);
    PutReads(json);
    if (what == TL_LINEAGE_ALL)
        PutSteering(json, steering);
    if (what >= TL_LINEAGE_VALUES) {
        tl_json_key(&json, "outputs");
        tl_json_begin_array(&json);
        for (auto &output : outputs)
            PutOutput(json, output, what == TL_LINEAGE_VALUES);
        tl_json_end_array(&json);
    }
    if (incomplete || what != wish)
        tl_json_pair_bool(&json, "incomplete", true);
    tl_json_end_object(&json);
    return !buf->failed;
}

/* What is too long loses its expressions first, then its outputs. */
std::string Lineage::Report()
{
    struct tl_buf buf;
    FindAmbiguous();
    for (int what = wish; what > TL_LINEAGE_NONE; what--) {
        tl_buf_init(&buf, REPORT_BYTES_MAX);
        bool written = Write(&buf, static_cast<enum tl_lineage_wish>(what));
        std::string report = written ? std::string(buf.data, buf.size) : std::string();
        tl_buf_done(&buf);
        if (written)
            return report;
    }
    return "{\"incomplete\":true}";
}

} // namespace tl
