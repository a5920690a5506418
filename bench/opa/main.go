// How long OPA, used as a library in one process, takes for the decisions of src/lifeguard/lifeguard_bench.c.
//
//	usage: go run . [NUMBER OF DECISIONS]
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

const (
	tables, grants, rowRules, groups, columns, memberOf = 100000, 9000, 1000, 1000, 10, 20
)

//go:embed policy.rego
var policy string

type object = map[string]any

func tableName(i int) string { return fmt.Sprintf("s%d.public.t%d", i%20, i) }

func add(scopes object, scope, group string, value any) {
	if scopes[scope] == nil {
		scopes[scope] = object{}
	}
	scopes[scope].(object)[group] = value
}

func data() object {
	allTables, allGrants, allRules := object{}, object{}, object{}
	for i := range tables {
		states := object{}
		for k := range columns {
			states[fmt.Sprintf("c%d", k)] = "open"
			if k%4 == 3 {
				states[fmt.Sprintf("c%d", k)] = "masked:hash"
			}
		}
		allTables[tableName(i)] = states
	}
	for i := range grants {
		group := i % groups
		if i < 2*memberOf {
			group = i / 2 * 47 % groups
		}
		scope := fmt.Sprintf("s%d", i/2%20)
		if i%2 == 0 {
			scope = tableName(i * 11)
		}
		add(allGrants, scope, fmt.Sprintf("g%d", group), true)
	}
	for i := range rowRules {
		add(allRules, tableName(i), fmt.Sprintf("g%d", i%groups), []any{"c1 IN (1, 2, 3)"})
	}
	return object{"tables": allTables, "grants": allGrants, "row_rules": allRules}
}

func main() {
	decisions := 20000
	if len(os.Args) > 1 {
		decisions, _ = strconv.Atoi(os.Args[1])
	}
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.lake.decision"), rego.Module("policy.rego", policy),
		rego.Store(inmem.NewFromObjectWithOpts(data(), inmem.OptReturnASTValuesOnRead(true)))).PrepareForEval(ctx)
	if err != nil {
		panic(err)
	}
	names, mine := []any{}, []any{}
	for i := range columns {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	for i := range memberOf {
		mine = append(mine, fmt.Sprintf("g%d", i*47%groups))
	}
	took, allowed := make([]time.Duration, decisions), 0
	for i := range decisions {
		number := i * 37 % tables
		input := object{"source": fmt.Sprintf("s%d", number%20), "table": tableName(number), "groups": mine, "columns": names}
		from := time.Now()
		results, err := query.Eval(ctx, rego.EvalInput(input))
		took[i] = time.Since(from)
		if err != nil {
			panic(err)
		}
		if results[0].Expressions[0].Value.(object)["allowed"].(bool) {
			allowed++
		}
	}
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	fmt.Printf("decision of OPA, 1 table: median %.1f us, 99 %% %.1f us (%d of %d allowed)\n", micro(took[decisions/2]),
		micro(took[decisions/100*99]), allowed, decisions)
}
