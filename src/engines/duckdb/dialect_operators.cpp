/* Operators and aggregates whose result Trino types or computes otherwise. */
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/aggregate_function_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp"
#include "duckdb/common/operator/cast_operators.hpp"
#include "duckdb/common/types/interval.hpp"
#include "duckdb/common/vector_operations/binary_executor.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/common/types/decimal.hpp"
#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"

#include "engines/duckdb/dialect_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

typedef __int128 Wide;
typedef unsigned __int128 UnsignedWide;

const char zero_divisor[] = "division by zero";

[[noreturn]] void OutOfRange(const char *what)
{
    throw OutOfRangeException("%s is out of range", what);
}

Wide ToWide(const hugeint_t &value)
{
    return static_cast<Wide>(static_cast<UnsignedWide>(static_cast<uint64_t>(value.upper)) << 64 | value.lower);
}

hugeint_t FromWide(Wide value)
{
    hugeint_t out;
    out.lower = static_cast<uint64_t>(value);
    out.upper = static_cast<int64_t>(value >> 64);
    return out;
}

/* --- whole numbers --- */

template <class T> T DivideWhole(T left, T right)
{
    if (right == T(0))
        throw OutOfRangeException(zero_divisor);
    if (right == T(-1) && left == NumericLimits<T>::Minimum())
        OutOfRange("the quotient");
    return static_cast<T>(left / right);
}

template <class T> T RestWhole(T left, T right)
{
    if (right == T(0))
        throw OutOfRangeException(zero_divisor);
    return right == T(-1) ? T(0) : static_cast<T>(left % right);
}

template <class T, T (*OPERATION)(T, T)> void RunWhole(DataChunk &input, ExpressionState &, Vector &result)
{
    BinaryExecutor::Execute<T, T, T>(input.data[0], input.data[1], result, input.size(), OPERATION);
}

template <class T> void AddWhole(ScalarFunctionSet &quotient, ScalarFunctionSet &rest, const LogicalType &type)
{
    ScalarFunction divide({type, type}, type, RunWhole<T, DivideWhole<T>>);
    divide.SetFallible();
    divide.name = "trino_divide";
    quotient.AddFunction(divide);
    for (auto &function : rest.functions)
        if (function.arguments.size() == 2 && function.arguments[0] == type && function.arguments[1] == type) {
            function.SetFunctionCallback(RunWhole<T, RestWhole<T>>);
            function.SetFallible();
        }
}

/* --- decimals --- */

/* As many digits behind the point as the operand with more of them has; halves away from zero. */
struct DecimalDivision : public FunctionData {
    explicit DecimalDivision(int shift_p) : shift(shift_p)
    {
    }
    int shift; /* of the dividend, in digits */

    unique_ptr<FunctionData> Copy() const override
    {
        return make_uniq<DecimalDivision>(shift);
    }
    bool Equals(const FunctionData &other) const override
    {
        return shift == other.Cast<DecimalDivision>().shift;
    }
};

hugeint_t DivideDecimal(const hugeint_t &left, const hugeint_t &right, Wide factor)
{
    Wide dividend, divisor = ToWide(right);
    if (divisor == 0)
        throw OutOfRangeException(zero_divisor);
    if (__builtin_mul_overflow(ToWide(left), factor, &dividend))
        OutOfRange("the quotient of decimals");
    Wide quotient = dividend / divisor, rest = dividend % divisor;
    UnsignedWide rest_size = rest < 0 ? -static_cast<UnsignedWide>(rest) : static_cast<UnsignedWide>(rest);
    UnsignedWide divisor_size = divisor < 0 ? -static_cast<UnsignedWide>(divisor) : static_cast<UnsignedWide>(divisor);
    if (rest_size >= divisor_size - rest_size && rest != 0)
        quotient += (dividend < 0) == (divisor < 0) ? 1 : -1;
    return FromWide(quotient);
}

template <class T> void RunDecimalDivision(DataChunk &input, ExpressionState &state, Vector &result)
{
    auto &data = state.expr.Cast<BoundFunctionExpression>().bind_info->Cast<DecimalDivision>();
    Wide factor = 1;
    for (int i = 0; i < data.shift; i++)
        factor *= 10;
    BinaryExecutor::Execute<hugeint_t, hugeint_t, T>(
        input.data[0], input.data[1], result, input.size(), [&](const hugeint_t &left, const hugeint_t &right) {
            T quotient;
            if (!TryCast::Operation(DivideDecimal(left, right, factor), quotient, true))
                OutOfRange("the quotient of decimals");
            return quotient;
        });
}

scalar_function_t DecimalDivisionTo(const LogicalType &type)
{
    switch (type.InternalType()) {
    case PhysicalType::INT16:
        return RunDecimalDivision<int16_t>;
    case PhysicalType::INT32:
        return RunDecimalDivision<int32_t>;
    case PhysicalType::INT64:
        return RunDecimalDivision<int64_t>;
    default:
        return RunDecimalDivision<hugeint_t>;
    }
}

unique_ptr<FunctionData> BindDecimalDivision(ClientContext &, ScalarFunction &function, vector<unique_ptr<Expression>> &arguments)
{
    uint8_t widths[2], scales[2];
    for (idx_t i = 0; i < 2; i++) {
        auto &type = arguments[i]->return_type;
        if (type.id() == LogicalTypeId::UNKNOWN)
            throw ParameterNotResolvedException();
        if (!type.GetDecimalProperties(widths[i], scales[i]))
            throw BinderException("a decimal cannot be divided by this");
        function.arguments[i] = LogicalType::DECIMAL(Decimal::MAX_WIDTH_DECIMAL, scales[i]);
    }
    int scale = MaxValue<int>(scales[0], scales[1]), shift = scale - scales[0] + scales[1];
    int width = MinValue<int>(Decimal::MAX_WIDTH_DECIMAL, widths[0] + scales[1] + MaxValue<int>(0, scales[1] - scales[0]));
    auto type = LogicalType::DECIMAL(static_cast<uint8_t>(width), static_cast<uint8_t>(scale));
    function.SetReturnType(type);
    function.SetFunctionCallback(DecimalDivisionTo(type));
    return make_uniq<DecimalDivision>(shift);
}

/* --- dates --- */

date_t MoveDate(date_t date, const interval_t &by)
{
    if (by.micros % Interval::MICROS_PER_DAY != 0)
        throw InvalidInputException("hours, minutes or seconds cannot be added to a date; cast it to timestamp");
    return Interval::Add(date, by);
}

interval_t Negated(const interval_t &by)
{
    interval_t out;
    out.months = -by.months;
    out.days = -by.days;
    out.micros = -by.micros;
    return out;
}

template <bool NEGATED> void RunDateInterval(DataChunk &input, ExpressionState &, Vector &result)
{
    BinaryExecutor::Execute<date_t, interval_t, date_t>(
        input.data[0], input.data[1], result, input.size(),
        [](date_t date, interval_t by) { return MoveDate(date, NEGATED ? Negated(by) : by); });
}

void RunIntervalDate(DataChunk &input, ExpressionState &, Vector &result)
{
    BinaryExecutor::Execute<interval_t, date_t, date_t>(input.data[0], input.data[1], result, input.size(),
                                                        [](interval_t by, date_t date) { return MoveDate(date, by); });
}

void RunDateDifference(DataChunk &input, ExpressionState &, Vector &result)
{
    BinaryExecutor::Execute<date_t, date_t, interval_t>(input.data[0], input.data[1], result, input.size(), [](date_t left, date_t right) {
        interval_t out;
        out.months = 0;
        out.days = left.days - right.days;
        out.micros = 0;
        return out;
    });
}

/* Under another name than the operator's: what a source does for that one is not what happens here. */
void Replace(ScalarFunctionSet &set, const char *name, const LogicalType &left, const LogicalType &right, const LogicalType &result,
             scalar_function_t run)
{
    for (auto &function : set.functions) {
        if (function.arguments.size() != 2 || function.arguments[0] != left || function.arguments[1] != right)
            continue;
        function.name = name;
        function.SetReturnType(result);
        function.SetFunctionCallback(run);
        function.SetStatisticsCallback(nullptr);
        function.SetBindCallback(nullptr);
        function.SetFallible();
        return;
    }
    throw InternalException("the engine has no operator %s of these types", set.name);
}

/* --- sum and avg --- */

aggregate_finalize_t sum_finalize[4];

/* The engine sums whole numbers in 128 bits; Trino's result has 64 of them. */
template <idx_t WHICH> void FinalizeSum(Vector &states, AggregateInputData &input, Vector &result, idx_t count, idx_t offset)
{
    Vector wide(LogicalType::HUGEINT, offset + count);
    if (states.GetVectorType() == VectorType::CONSTANT_VECTOR)
        wide.SetVectorType(VectorType::CONSTANT_VECTOR);
    sum_finalize[WHICH](states, input, wide, count, offset);
    bool constant = wide.GetVectorType() == VectorType::CONSTANT_VECTOR;
    result.SetVectorType(constant ? VectorType::CONSTANT_VECTOR : VectorType::FLAT_VECTOR);
    auto from = constant ? ConstantVector::GetData<hugeint_t>(wide) : FlatVector::GetData<hugeint_t>(wide);
    auto to = constant ? ConstantVector::GetData<int64_t>(result) : FlatVector::GetData<int64_t>(result);
    for (idx_t i = constant ? 0 : offset; i < (constant ? 1 : offset + count); i++) {
        bool valid = constant ? !ConstantVector::IsNull(wide) : FlatVector::Validity(wide).RowIsValid(i);
        if (!valid && constant)
            ConstantVector::SetNull(result, true);
        else if (!valid)
            FlatVector::Validity(result).SetInvalid(i);
        else if (!Hugeint::TryCast(from[i], to[i]))
            throw OutOfRangeException("the sum is out of the range of bigint; sum decimals: sum(CAST(x AS decimal(38, 0)))");
    }
}

template <idx_t WHICH> void ChangeSum(AggregateFunctionSet &set, const LogicalType &type)
{
    for (auto &function : set.functions) {
        if (function.arguments.size() != 1 || function.arguments[0] != type)
            continue;
        sum_finalize[WHICH] = function.GetStateFinalizeCallback();
        function.SetStateFinalizeCallback(FinalizeSum<WHICH>);
        function.SetReturnType(LogicalType::BIGINT);
        function.SetStatisticsCallback(nullptr); /* it would take the engine's own sum instead */
        function.SetSerializeCallback(nullptr);
        function.SetDeserializeCallback(nullptr);
        return;
    }
    throw InternalException("the engine has no sum of these types");
}

struct DecimalAverageState {
    hugeint_t sum;
    int64_t count;
};

struct DecimalAverage {
    template <class STATE> static void Initialize(STATE &state)
    {
        state.sum = hugeint_t(0);
        state.count = 0;
    }
    template <class INPUT, class STATE, class OP> static void Operation(STATE &state, const INPUT &input, AggregateUnaryInput &)
    {
        Wide sum;
        if (__builtin_add_overflow(ToWide(state.sum), ToWide(hugeint_t(input)), &sum))
            OutOfRange("the sum behind an average");
        state.sum = FromWide(sum);
        state.count++;
    }
    template <class INPUT, class STATE, class OP>
    static void ConstantOperation(STATE &state, const INPUT &input, AggregateUnaryInput &unary, idx_t count)
    {
        for (idx_t i = 0; i < count; i++)
            Operation<INPUT, STATE, OP>(state, input, unary);
    }
    template <class STATE, class OP> static void Combine(const STATE &source, STATE &target, AggregateInputData &)
    {
        Wide sum;
        if (__builtin_add_overflow(ToWide(source.sum), ToWide(target.sum), &sum))
            OutOfRange("the sum behind an average");
        target.sum = FromWide(sum);
        target.count += source.count;
    }
    template <class RESULT, class STATE> static void Finalize(STATE &state, RESULT &target, AggregateFinalizeData &finalize_data)
    {
        if (state.count == 0) {
            finalize_data.ReturnNull();
            return;
        }
        hugeint_t average = DivideDecimal(state.sum, hugeint_t(state.count), 1);
        if (!TryCast::Operation(average, target, true))
            OutOfRange("the average");
    }
    static bool IgnoreNull()
    {
        return true;
    }
};

template <class T> AggregateFunction AverageOf(const LogicalType &type)
{
    return AggregateFunction::UnaryAggregate<DecimalAverageState, T, T, DecimalAverage>(type, type);
}

unique_ptr<FunctionData> BindDecimalAverage(ClientContext &, AggregateFunction &function, vector<unique_ptr<Expression>> &arguments)
{
    auto type = arguments[0]->return_type;
    auto name = function.name;
    switch (type.InternalType()) {
    case PhysicalType::INT16:
        function = AverageOf<int16_t>(type);
        break;
    case PhysicalType::INT32:
        function = AverageOf<int32_t>(type);
        break;
    case PhysicalType::INT64:
        function = AverageOf<int64_t>(type);
        break;
    default:
        function = AverageOf<hugeint_t>(type);
    }
    function.name = name;
    function.SetOrderDependent(AggregateOrderDependent::NOT_ORDER_DEPENDENT);
    return nullptr;
}

void ChangeAverage(AggregateFunctionSet &set)
{
    for (auto &function : set.functions)
        if (function.arguments.size() == 1 && function.arguments[0].id() == LogicalTypeId::DECIMAL)
            function.SetBindCallback(BindDecimalAverage);
}

ScalarFunctionSet &Operator(ClientContext &context, const char *name)
{
    return Catalog::GetSystemCatalog(context).GetEntry<ScalarFunctionCatalogEntry>(context, DEFAULT_SCHEMA, name).functions;
}

AggregateFunctionSet &Aggregate(ClientContext &context, const char *name)
{
    return Catalog::GetSystemCatalog(context).GetEntry<AggregateFunctionCatalogEntry>(context, DEFAULT_SCHEMA, name).functions;
}

} // namespace

void ChangeOperators(ClientContext &context)
{
    auto &quotient = Operator(context, "/"), &rest = Operator(context, "%");
    AddWhole<int8_t>(quotient, rest, LogicalType::TINYINT);
    AddWhole<int16_t>(quotient, rest, LogicalType::SMALLINT);
    AddWhole<int32_t>(quotient, rest, LogicalType::INTEGER);
    AddWhole<int64_t>(quotient, rest, LogicalType::BIGINT);
    ScalarFunction decimal({LogicalTypeId::DECIMAL, LogicalTypeId::DECIMAL}, LogicalTypeId::DECIMAL, RunDecimalDivision<hugeint_t>,
                           BindDecimalDivision);
    decimal.SetFallible();
    decimal.name = "trino_decimal_divide";
    quotient.AddFunction(decimal);

    auto &plus = Operator(context, "+"), &minus = Operator(context, "-");
    Replace(plus, "trino_date_add", LogicalType::DATE, LogicalType::INTERVAL, LogicalType::DATE, RunDateInterval<false>);
    Replace(plus, "trino_date_add", LogicalType::INTERVAL, LogicalType::DATE, LogicalType::DATE, RunIntervalDate);
    Replace(minus, "trino_date_subtract", LogicalType::DATE, LogicalType::INTERVAL, LogicalType::DATE, RunDateInterval<true>);
    Replace(minus, "trino_date_difference", LogicalType::DATE, LogicalType::DATE, LogicalType::INTERVAL, RunDateDifference);

    auto &sum = Aggregate(context, "sum");
    ChangeSum<0>(sum, LogicalType::BOOLEAN);
    ChangeSum<1>(sum, LogicalType::SMALLINT);
    ChangeSum<2>(sum, LogicalType::INTEGER);
    ChangeSum<3>(sum, LogicalType::BIGINT);
    ChangeAverage(Aggregate(context, "avg"));
    /* it builds on the sum having 128 bits */
    DBConfig::GetConfig(context).options.disabled_optimizers.insert(OptimizerType::SUM_REWRITER);
}

} // namespace tl
