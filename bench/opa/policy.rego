# The rules of src/lifeguard/lifeguard_bench.c as OPA evaluates them: the same tables, grants and row rules, indexed by scope and group.
package lake

default allowed := false

allowed if {
	some group in input.groups
	data.grants[input.source][group]
}

allowed if {
	some group in input.groups
	data.grants[input.table][group]
}

columns[name] := "" if {
	some name in input.columns
	data.tables[input.table][name] == "open"
}

columns[name] := mask if {
	some name in input.columns
	state := data.tables[input.table][name]
	startswith(state, "masked:")
	mask := substring(state, 7, -1)
}

row_rules contains rule if {
	some group in input.groups
	some rule in data.row_rules[input.table][group]
}

decision := {"allowed": allowed, "columns": columns, "row_rules": row_rules}
