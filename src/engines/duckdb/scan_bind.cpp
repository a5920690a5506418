#include "duckdb/common/case_insensitive_map.hpp"
#include "duckdb/common/exception/binder_exception.hpp"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"

#include "engines/duckdb/install_int.hpp"
#include "engines/duckdb/scan_int.hpp"
#include "engines/duckdb/scan_types_int.hpp"

using namespace duckdb;

namespace tl {

const char *const scan_name = "tl_scan";

duckdb::unique_ptr<FunctionData> ScanBind::Copy() const
{
    auto copy = make_uniq<ScanBind>();
    copy->dataset = dataset;
    for (auto &filter : pushed)
        copy->pushed.push_back(filter->Copy());
    copy->declined = declined;
    copy->limit = limit;
    copy->order = order;
    copy->estimated_rows = estimated_rows;
    copy->estimated_bytes = estimated_bytes;
    copy->report = report;
    return std::move(copy);
}

static bool SameOrder(const struct tl_scan_order &a, const struct tl_scan_order &b)
{
    return a.column == b.column && a.descending == b.descending && a.nulls_first == b.nulls_first;
}

bool ScanBind::Equals(const FunctionData &other_p) const
{
    auto &other = other_p.Cast<ScanBind>();
    bool same_dataset = dataset->source == other.dataset->source && dataset->described == other.dataset->described;
    return same_dataset && limit == other.limit && Expression::ListEquals(pushed, other.pushed) &&
           std::equal(order.begin(), order.end(), other.order.begin(), other.order.end(), SameOrder);
}

ScanBind *BindOf(const LogicalGet &get)
{
    return get.function.name == scan_name && get.bind_data ? &get.bind_data->Cast<ScanBind>() : nullptr;
}

const Dataset *DatasetOf(const LogicalGet &get)
{
    auto bind = BindOf(get);
    return bind ? bind->dataset.get() : nullptr;
}

static bool IsInterrupted(void *context)
{
    return static_cast<ClientContext *>(context)->IsInterrupted();
}

struct tl_stop StopFor(ClientContext &context)
{
    return {IsInterrupted, &context, 0};
}

static duckdb::shared_ptr<Dataset> Describe(ClientContext &context, const struct tl_hooks_calls &calls, const vector<Value> &names)
{
    auto dataset = make_shared_ptr<Dataset>(calls);
    dataset->source_name = StringValue::Get(names[0]);
    auto schema = StringValue::Get(names[1]), name = StringValue::Get(names[2]);
    struct tl_stop stop = StopFor(context);
    struct tl_err err;
    tl_err_init(&err);
    if (calls.describe(calls.context, dataset->source_name.c_str(), schema.c_str(), name.c_str(), &stop, &dataset->described,
                       &dataset->driver, &dataset->source, &dataset->handle, &err) != TL_OK)
        Throw(context, err);
    return dataset;
}

/* The engine finds a column by its name without regard to case: of two such ones it would show the other's values. */
static void RefuseTwins(ClientContext &context, const struct tl_source_dataset &described)
{
    case_insensitive_map_t<const char *> seen;
    for (size_t i = 0; i < described.column_count; i++) {
        auto name = described.columns[i].name;
        auto first = seen.insert(std::make_pair(string(name), name)).first->second;
        if (first == name)
            continue;
        struct tl_err err;
        tl_err_init(&err);
        tl_err_set(&err, TL_UNSUPPORTED, "columns \"%s\" and \"%s\" of \"%s.%s\" differ in upper and lower case only", first, name,
                   described.schema, described.name);
        tl_err_hint(&err, "make a view in the source that gives one of them another name");
        Throw(context, err);
    }
}

duckdb::unique_ptr<FunctionData> BindScan(ClientContext &context, TableFunctionBindInput &input, vector<LogicalType> &types,
                                          vector<string> &names)
{
    for (auto &argument : input.inputs)
        if (argument.IsNull())
            throw BinderException("%s needs a source, a schema and a name", scan_name);
    auto bind = make_uniq<ScanBind>();
    bind->dataset = Describe(context, input.info->Cast<InstallInfo>().calls, input.inputs);
    auto &described = *bind->dataset->described;
    RefuseTwins(context, described);
    for (size_t i = 0; i < described.column_count; i++) {
        auto &column = described.columns[i];
        bind->dataset->types.push_back(column.unsupported ? LogicalType(LogicalType::VARCHAR) : ToLogicalType(column.type));
        names.push_back(column.name);
        bind->dataset->labels.push_back(column.name);
    }
    types = bind->dataset->types;
    bind->dataset->rows = static_cast<double>(described.row_estimate);
    ConnectionState::Of(context)->Remember(bind->dataset);
    return std::move(bind);
}

void SerializeScan(Serializer &serializer, const optional_ptr<FunctionData> bind_p, const TableFunction &)
{
    auto &bind = bind_p->Cast<ScanBind>();
    vector<int64_t> orders;
    vector<string> declined;
    for (auto &order : bind.order) {
        orders.push_back(order.column);
        orders.push_back(order.descending);
        orders.push_back(order.nulls_first);
    }
    for (auto &item : bind.declined) {
        declined.push_back(item.kind);
        declined.push_back(item.what);
        declined.push_back(item.reason);
    }
    serializer.WriteProperty(100, "dataset", bind.dataset->number);
    serializer.WriteProperty(101, "pushed", bind.pushed);
    serializer.WriteProperty(102, "declined", declined);
    serializer.WriteProperty(103, "limit", bind.limit);
    serializer.WriteProperty(104, "orders", orders);
    serializer.WriteProperty(105, "report", bind.report);
    serializer.WriteProperty(106, "estimated_rows", bind.estimated_rows);
    serializer.WriteProperty(107, "estimated_bytes", bind.estimated_bytes);
}

/* Plans are copied through their bytes; within one connection, so that the dataset is still there. */
duckdb::unique_ptr<FunctionData> DeserializeScan(Deserializer &deserializer, TableFunction &)
{
    auto bind = make_uniq<ScanBind>();
    vector<int64_t> orders;
    vector<string> declined;
    uint64_t number;
    deserializer.ReadProperty(100, "dataset", number);
    deserializer.ReadProperty(101, "pushed", bind->pushed);
    deserializer.ReadProperty(102, "declined", declined);
    deserializer.ReadProperty(103, "limit", bind->limit);
    deserializer.ReadProperty(104, "orders", orders);
    deserializer.ReadProperty(105, "report", bind->report);
    deserializer.ReadProperty(106, "estimated_rows", bind->estimated_rows);
    deserializer.ReadProperty(107, "estimated_bytes", bind->estimated_bytes);
    for (idx_t i = 0; i + 2 < orders.size(); i += 3)
        bind->order.push_back({static_cast<int>(orders[i]), orders[i + 1] != 0, orders[i + 2] != 0});
    for (idx_t i = 0; i + 2 < declined.size(); i += 3)
        bind->declined.push_back({declined[i], declined[i + 1], declined[i + 2]});
    bind->dataset = ConnectionState::Of(deserializer.Get<ClientContext &>())->Find(number);
    if (!bind->dataset)
        throw InternalException("a copied plan reads a dataset that is gone");
    return std::move(bind);
}

} // namespace tl
