/* SQL in colours: words, texts, numbers and comments.  It reads no grammar; it must never lose a character. */
const WORDS = new Set(
  ("ALL ALTER ANALYZE AND AS ASC AT BETWEEN BY CASE CAST CREATE CROSS CURRENT DELETE DESC DESCRIBE DISTINCT DROP ELSE END EXCEPT EXECUTE EXISTS EXPLAIN " +
    "FALSE FETCH FILTER FIRST FOLLOWING FOR FROM FULL GROUP HAVING IN INNER INSERT INTERSECT INTERVAL INTO IS JOIN LAST LATERAL LEFT LIKE LIMIT MERGE " +
    "NATURAL NOT NULL NULLS OF OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING PREPARE RANGE RECURSIVE RESET RIGHT ROW ROWS SELECT SESSION SET SHOW " +
    "TABLE THEN TIMESTAMP TRUE UNION UNNEST UPDATE USE USING VALUES VERSION VIEW WHEN WHERE WINDOW WITH").split(" "),
);
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|(\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|([A-Za-z_]\w*)/g;
const KINDS = ["comment", "text", "name", "number"];

export function highlighted(sql: string): [string, string][] {
  const parts: [string, string][] = [];
  let end = 0;
  for (const match of sql.matchAll(TOKEN)) {
    if (match.index > end) parts.push(["", sql.slice(end, match.index)]);
    const group = match.slice(1).findIndex((part) => part !== undefined);
    parts.push([KINDS[group] ?? (WORDS.has(match[0].toUpperCase()) ? "word" : ""), match[0]]);
    end = match.index + match[0].length;
  }
  if (end < sql.length) parts.push(["", sql.slice(end)]);
  return parts;
}
