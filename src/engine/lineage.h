/* engine/lineage.h -- what a bound plan is asked to tell about columns, and how it does.
 *
 * JSON: {"datasets":[[source,schema,name],..]; columns are a number of this list and a name,
 *  "reads":[[dataset,column],..] all that reach the result or steer it,
 *  "joins":[[dataset,column,dataset,column],..] columns of two datasets that were compared for equality,
 *  "outputs":[{"name","kind":"identity"|"transformation"|"aggregation","expression":text (absent: too long),
 *    "from":[[dataset,column],..] whose values reach it,
 *    "by":[[dataset,column,HOW],..] what steers this column only}, ..],
 *  "by":[[dataset,column,HOW],..] what steers all of them,
 *  "incomplete":true where a bound was met}
 * HOW: "filter", "join", "group", "order", "window", "condition" (of CASE, FILTER, WHEN).
 * A statement that writes has the columns it writes as outputs.  Datasets that the caller sees in part have the names that people
 * know; masks and row rules show nowhere.
 */
#ifndef TL_ENGINE_LINEAGE_H
#define TL_ENGINE_LINEAGE_H

enum tl_lineage_wish {
    TL_LINEAGE_NONE,
    TL_LINEAGE_READS,  /* datasets, reads, joins */
    TL_LINEAGE_VALUES, /* datasets, outputs without expression and "by", reads of them; for what a view might hide */
    TL_LINEAGE_ALL,
};

#endif
