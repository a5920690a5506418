/* Values of the client protocol as a person reads them. */
import type { Cell, Column } from "./statement";

const grouped = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

export function isNumeric(type: string): boolean {
  return /^(tinyint|smallint|integer|bigint|real|double|decimal)/.test(type);
}

export function isTime(type: string): boolean {
  return /^(date|timestamp)/.test(type);
}

/** Grouping separators for quantities; identifiers and years are read digit by digit and stay as they are. */
export function cellText(value: Cell, column: Column): string {
  if (value === null) return "NULL";
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (isTime(column.type)) return withoutZeros(String(value));
  if (!isNumeric(column.type) || /(^|_)(id|year|asn|port|code)$/i.test(column.name)) return String(value);
  // A decimal is text on the wire, exact; it stays exact here: only its whole part is grouped.
  if (typeof value === "string") {
    const at = value.match(/^(-?)(\d+)(\.\d+)?$/);
    return at ? `${at[1]}${BigInt(at[2]!).toLocaleString()}${at[3] ?? ""}` : value;
  }
  return Number.isFinite(value) ? grouped.format(value) : String(value);
}

/** 2026-08-10 11:36:23.500000 -> 2026-08-10 11:36:23.5 */
export function withoutZeros(time: string): string {
  return time.replace(/(:\d\d)(\.\d*?)0+(?=$| )/, (_all, seconds: string, fraction: string) => seconds + (fraction === "." ? "" : fraction));
}

export function shortNumber(value: number): string {
  return short.format(value);
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
function safe(value: Cell): string {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+$/.test(text) ? `'${text}` : text;
}

export function csv(columns: Column[], rows: Cell[][]): string {
  return [columns.map((column) => column.name), ...rows.map((row) => row.map(safe))].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}
