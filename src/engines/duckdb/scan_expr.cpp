#include "engines/duckdb/scan_expr_int.hpp"

#include <unordered_set>

#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/list.hpp"

#include "engines/duckdb/scan_types_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

/* Functions whose children say all they do.  (The regular expressions, for example, drop an argument when bound.) */
bool ShowsAllArguments(const string &name)
{
    static const std::unordered_set<string> names = {
        /* text */
        "~~", "!~~", "~~*", "!~~*", "like_escape", "not_like_escape", "prefix", "suffix", "contains", "starts_with", "ends_with",
        "lower", "upper", "lcase", "ucase", "length", "len", "char_length", "character_length", "strlen", "octet_length", "bit_length",
        "substring", "substr", "left", "right", "trim", "ltrim", "rtrim", "lpad", "rpad", "replace", "translate", "reverse", "repeat",
        "concat", "||", "concat_ws", "instr", "strpos", "position", "ascii", "unicode", "chr", "split_part", "md5",
        /* numbers */
        "+", "-", "*", "/", "//", "%", "mod", "abs", "@", "sign", "floor", "ceil", "ceiling", "trunc", "round", "sqrt", "cbrt", "exp",
        "ln", "log", "log2", "log10", "pow", "power", "^", "**", "&", "|", "xor", "~", "<<", ">>", "greatest", "least", "isnan",
        "isinf", "isfinite",
        /* dates and times */
        "date_trunc", "datetrunc", "year", "month", "day", "dayofmonth", "decade", "century", "millennium", "quarter", "week",
        "weekofyear", "yearweek", "dayofweek", "weekday", "isodow", "isoyear", "dayofyear", "hour", "minute", "second", "millisecond",
        "microsecond", "epoch", "epoch_ms", "epoch_us", "epoch_ns", "date_diff", "datediff", "date_sub", "datesub", "last_day",
        "make_date", "make_timestamp", "to_timestamp", "dayname", "monthname", "to_years", "to_months", "to_weeks", "to_days",
        "to_hours", "to_minutes", "to_seconds", "to_milliseconds", "to_microseconds",
    };
    return names.count(name) > 0;
}

/* Rounding a decimal to a number of digits, the digits live in the bound function only. */
bool HidesDigits(const BoundFunctionExpression &e, const string &name)
{
    return (name == "round" || name == "trunc") && e.children[0]->return_type.id() == LogicalTypeId::DECIMAL;
}

/* Those whose one argument says all. */
bool IsAggregate(const string &name)
{
    static const std::unordered_set<string> names = {"count_star", "count", "sum", "sum_no_overflow", "min", "max", "avg",
                                                     "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"};
    return names.count(name) > 0;
}

class Translator {
public:
    Translator(ClientContext &context_p, const ColumnOf &column_of_p, tl_arena *arena_p)
        : context(context_p), column_of(column_of_p), arena(arena_p)
    {
    }

    const char *reason = nullptr;

    struct tl_expr *Any(const Expression &e)
    {
        if (++nodes > TL_EXPR_NODES_MAX || depth >= TL_EXPR_DEPTH_MAX)
            return Decline("too large");
        depth++;
        struct tl_expr *made = Folded(e);
        if (!made)
            made = OfClass(e);
        depth--;
        return made;
    }

    struct tl_expr *Aggregate(const BoundAggregateExpression &e)
    {
        auto name = StringUtil::Lower(e.function.name);
        if (!IsAggregate(name) || e.children.size() > 1 || (e.order_bys && !e.order_bys->orders.empty()))
            return Decline("an aggregate that is not translated");
        auto made = Over(TL_EXPR_AGGREGATE, e.return_type, e.children);
        if (!made)
            return nullptr;
        made->function = tl_arena_strdup(arena, name.c_str());
        made->distinct = e.IsDistinct();
        if (e.filter)
            made->filter = Any(*e.filter);
        return e.filter && !made->filter ? nullptr : made;
    }

private:
    ClientContext &context;
    const ColumnOf &column_of;
    tl_arena *arena;
    int nodes = 0;
    int depth = 0;

    struct tl_expr *Decline(const char *why)
    {
        if (!reason)
            reason = why;
        return nullptr;
    }

    struct tl_expr *New(enum tl_expr_kind kind, const LogicalType &type, size_t child_count)
    {
        auto made = TL_NEW(arena, struct tl_expr);
        made->kind = kind;
        made->child_count = child_count;
        made->children = TL_NEW_ARRAY(arena, struct tl_expr *, child_count);
        return FromLogicalType(type, &made->type) ? made : Decline("a type that sources do not have");
    }

    /* A node over some of the engine's expressions. */
    template <class LIST> struct tl_expr *Over(enum tl_expr_kind kind, const LogicalType &type, const LIST &children)
    {
        auto made = New(kind, type, children.size());
        for (size_t i = 0; made && i < children.size(); i++) {
            made->children[i] = Any(*children[i]);
            if (!made->children[i])
                return nullptr;
        }
        return made;
    }

    struct tl_expr *Pair(enum tl_expr_kind kind, const Expression &left, const Expression &right)
    {
        const Expression *children[] = {&left, &right};
        return Over(kind, LogicalType::BOOLEAN, vector<const Expression *>(children, children + 2));
    }

    struct tl_expr *Column(const Expression &e)
    {
        auto made = New(TL_EXPR_COLUMN, e.return_type, 0);
        if (!made)
            return nullptr;
        auto place = column_of(e);
        made->input = place.input;
        made->column = place.column;
        return made->column < 0 ? Decline("not a plain column of the dataset") : made;
    }

    struct tl_expr *Constant(const Value &value)
    {
        auto made = New(TL_EXPR_CONSTANT, value.type(), 0);
        if (made && !FromValue(value, arena, &made->value))
            return Decline("a constant that sources disagree about");
        return made;
    }

    struct tl_expr *Comparison(const BoundComparisonExpression &e)
    {
        switch (e.GetExpressionType()) {
        case ExpressionType::COMPARE_EQUAL:
            return Pair(TL_EXPR_EQ, *e.left, *e.right);
        case ExpressionType::COMPARE_NOTEQUAL:
            return Pair(TL_EXPR_NE, *e.left, *e.right);
        case ExpressionType::COMPARE_LESSTHAN:
            return Pair(TL_EXPR_LT, *e.left, *e.right);
        case ExpressionType::COMPARE_LESSTHANOREQUALTO:
            return Pair(TL_EXPR_LE, *e.left, *e.right);
        case ExpressionType::COMPARE_GREATERTHAN:
            return Pair(TL_EXPR_GT, *e.left, *e.right);
        case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
            return Pair(TL_EXPR_GE, *e.left, *e.right);
        case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
            return NotDistinct(e);
        case ExpressionType::COMPARE_DISTINCT_FROM:
            return Not(NotDistinct(e));
        default:
            return Decline("a comparison that sources do not have");
        }
    }

    struct tl_expr *Between(const BoundBetweenExpression &e)
    {
        auto made = New(TL_EXPR_AND, LogicalType::BOOLEAN, 2);
        made->children[0] = Pair(e.lower_inclusive ? TL_EXPR_GE : TL_EXPR_GT, *e.input, *e.lower);
        made->children[1] = Pair(e.upper_inclusive ? TL_EXPR_LE : TL_EXPR_LT, *e.input, *e.upper);
        return made->children[0] && made->children[1] ? made : nullptr;
    }

    /* a IS NOT DISTINCT FROM b is coalesce(a = b, a IS NULL AND b IS NULL). */
    struct tl_expr *NotDistinct(const BoundComparisonExpression &e)
    {
        auto made = New(TL_EXPR_COALESCE, LogicalType::BOOLEAN, 2);
        auto both = New(TL_EXPR_AND, LogicalType::BOOLEAN, 2);
        made->children[0] = Pair(TL_EXPR_EQ, *e.left, *e.right);
        made->children[1] = both;
        both->children[0] = IsNull(*e.left);
        both->children[1] = IsNull(*e.right);
        return made->children[0] && both->children[0] && both->children[1] ? made : nullptr;
    }

    struct tl_expr *IsNull(const Expression &e)
    {
        auto made = New(TL_EXPR_IS_NULL, LogicalType::BOOLEAN, 1);
        made->children[0] = Any(e);
        return made->children[0] ? made : nullptr;
    }

    struct tl_expr *Cast(const BoundCastExpression &e)
    {
        if (e.try_cast)
            return Decline("TRY_CAST");
        auto made = New(TL_EXPR_CAST, e.return_type, 1);
        if (made)
            made->children[0] = Any(*e.child);
        return made && made->children[0] ? made : nullptr;
    }

    struct tl_expr *Case(const BoundCaseExpression &e)
    {
        vector<const Expression *> children;
        for (auto &check : e.case_checks) {
            children.push_back(check.when_expr.get());
            children.push_back(check.then_expr.get());
        }
        children.push_back(e.else_expr.get());
        return Over(TL_EXPR_CASE, e.return_type, children);
    }

    /* What needs no row: its value. */
    struct tl_expr *Folded(const Expression &e)
    {
        Value value;
        struct tl_value known;
        if (e.GetExpressionClass() == ExpressionClass::BOUND_CONSTANT || !e.IsFoldable() ||
            !ExpressionExecutor::TryEvaluateScalar(context, e, value) || !FromValue(value, arena, &known))
            return nullptr;
        return Constant(value);
    }

    struct tl_expr *Not(struct tl_expr *child)
    {
        auto made = New(TL_EXPR_NOT, LogicalType::BOOLEAN, 1);
        made->children[0] = child;
        return child ? made : nullptr;
    }

    struct tl_expr *In(const BoundOperatorExpression &e)
    {
        for (idx_t i = 1; i < e.children.size(); i++)
            if (e.children[i]->GetExpressionClass() != ExpressionClass::BOUND_CONSTANT)
                return Decline("IN over something else than constants");
        return Over(TL_EXPR_IN, LogicalType::BOOLEAN, e.children);
    }

    struct tl_expr *Operator(const BoundOperatorExpression &e)
    {
        switch (e.GetExpressionType()) {
        case ExpressionType::OPERATOR_IS_NULL:
            return Over(TL_EXPR_IS_NULL, e.return_type, e.children);
        case ExpressionType::OPERATOR_IS_NOT_NULL:
            return Over(TL_EXPR_IS_NOT_NULL, e.return_type, e.children);
        case ExpressionType::OPERATOR_NOT:
            return Over(TL_EXPR_NOT, e.return_type, e.children);
        case ExpressionType::COMPARE_IN:
            return In(e);
        case ExpressionType::COMPARE_NOT_IN:
            return Not(In(e));
        case ExpressionType::OPERATOR_COALESCE:
            return Over(TL_EXPR_COALESCE, e.return_type, e.children);
        default:
            return Decline("an operator that sources do not have");
        }
    }

    struct tl_expr *Function(const BoundFunctionExpression &e)
    {
        auto name = StringUtil::Lower(e.function.name);
        if (!ShowsAllArguments(name) || HidesDigits(e, name))
            return Decline("a function that is not translated");
        auto made = Over(TL_EXPR_FUNCTION, e.return_type, e.children);
        if (made)
            made->function = tl_arena_strdup(arena, name.c_str());
        return made;
    }

    struct tl_expr *OfClass(const Expression &e)
    {
        switch (e.GetExpressionClass()) {
        case ExpressionClass::BOUND_COLUMN_REF:
        case ExpressionClass::BOUND_REF:
            return Column(e);
        case ExpressionClass::BOUND_CONSTANT:
            return Constant(e.Cast<BoundConstantExpression>().value);
        case ExpressionClass::BOUND_COMPARISON:
            return Comparison(e.Cast<BoundComparisonExpression>());
        case ExpressionClass::BOUND_BETWEEN:
            return Between(e.Cast<BoundBetweenExpression>());
        case ExpressionClass::BOUND_CONJUNCTION:
            return Over(e.GetExpressionType() == ExpressionType::CONJUNCTION_AND ? TL_EXPR_AND : TL_EXPR_OR, e.return_type,
                        e.Cast<BoundConjunctionExpression>().children);
        case ExpressionClass::BOUND_OPERATOR:
            return Operator(e.Cast<BoundOperatorExpression>());
        case ExpressionClass::BOUND_FUNCTION:
            return Function(e.Cast<BoundFunctionExpression>());
        case ExpressionClass::BOUND_CAST:
            return Cast(e.Cast<BoundCastExpression>());
        case ExpressionClass::BOUND_CASE:
            return Case(e.Cast<BoundCaseExpression>());
        default:
            return Decline("an expression that is not translated");
        }
    }
};

} // namespace

const struct tl_expr *Translate(ClientContext &context, const Expression &expression, const ColumnOf &column_of, tl_arena *arena,
                                const char **ret_reason)
{
    Translator translator(context, column_of, arena);
    const struct tl_expr *made = nullptr;
    if (expression.IsVolatile())
        translator.reason = "changes from call to call";
    else if (expression.HasParameter())
        translator.reason = "a parameter without a value yet";
    else if (expression.GetExpressionClass() == ExpressionClass::BOUND_AGGREGATE)
        made = translator.Aggregate(expression.Cast<BoundAggregateExpression>());
    else
        made = translator.Any(expression);
    *ret_reason = translator.reason;
    return made;
}

} // namespace tl
