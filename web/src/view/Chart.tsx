/* A result as bars (a name and numbers) or lines (a time and numbers), drawn as SVG. */
import { isNumeric, isTime, shortNumber } from "../format";
import type { Result } from "../statement";

export interface ChartSpec {
  kind: "bars" | "lines";
  labels: string[];
  series: { name: string; values: (number | null)[] }[];
}

const BARS_MAX = 40, POINTS_MAX = 2000, SERIES_MAX = 6;

export function chartOf(result: Result): ChartSpec | null {
  const { columns, rows } = result;
  const at = columns.findIndex((column) => !isNumeric(column.type));
  const label = columns[at];
  const numbers = columns.map((column, n) => ({ column, n })).filter(({ column }) => isNumeric(column.type) && !/(^|_)id$/i.test(column.name));
  if (!label || numbers.length === 0 || rows.length < 2) return null;
  const kind = isTime(label.type) ? "lines" : "bars";
  if (rows.length > (kind === "lines" ? POINTS_MAX : BARS_MAX)) return null;
  const series = numbers.slice(0, kind === "bars" ? 1 : SERIES_MAX).map(({ column, n }) => ({
    name: column.name,
    values: rows.map((row) => (row[n] === null || row[n] === undefined ? null : Number(row[n]))),
  }));
  if (series.every((one) => one.values.every((value) => value === null || !Number.isFinite(value)))) return null;
  return { kind, labels: rows.map((row) => String(row[at] ?? "NULL")), series };
}

/** Round steps (1, 2, 5 × 10^n) that cover the values, zero among them. */
export function ticks(least: number, most: number, wanted = 4): number[] {
  const low = Math.min(0, least), high = Math.max(0, most);
  if (low === high) return [0, 1];
  const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const out: number[] = [];
  for (let n = Math.floor(low / step); n <= Math.ceil(high / step) && out.length < 20; n++) out.push(n * step);
  return out;
}

function Bars({ spec }: { spec: ChartSpec }) {
  const [series] = spec.series;
  const values = series!.values.map((value) => value ?? 0);
  const steps = ticks(Math.min(...values), Math.max(...values));
  const low = steps[0]!, span = steps[steps.length - 1]! - low;
  const part = (value: number) => `${(100 * (value - low)) / span}%`;
  return (
    <div class="bars" role="img" aria-label={`${series!.name} by name, ${values.length} bars`}>
      {spec.labels.map((label, at) => (
        <div class="bar-row" key={at}>
          <span class="bar-label" title={label}>{label}</span>
          <svg class="bar-line" aria-hidden="true"><rect x={part(Math.min(0, values[at]!))} width={`${(100 * Math.abs(values[at]!)) / span}%`} height="100%" rx="3" /></svg>
          <span class="bar-value">{series!.values[at] === null ? "NULL" : values[at]!.toLocaleString()}</span>
        </div>
      ))}
    </div>
  );
}

const W = 720, H = 260, LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 26;

function Lines({ spec }: { spec: ChartSpec }) {
  const all = spec.series.flatMap((one) => one.values).filter((value): value is number => value !== null);
  const steps = ticks(Math.min(...all), Math.max(...all));
  const low = steps[0]!, high = steps[steps.length - 1]!;
  const order = spec.labels.map((label, at) => ({ label, at })).sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
  const x = (n: number) => LEFT + ((W - LEFT - RIGHT) * n) / Math.max(1, order.length - 1);
  const y = (value: number) => TOP + (H - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const path = (values: (number | null)[]) => {
    let pen = "M";
    return order.map(({ at }, n) => {
      const value = values[at] ?? null;
      const step = value === null ? "" : `${pen}${x(n).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = value === null ? "M" : "L"; // a gap in the data is a gap in the line
      return step;
    }).join("");
  };
  const named = [0, Math.floor((order.length - 1) / 2), order.length - 1];
  return (
    <figure class="lines">
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`${spec.series.map((one) => one.name).join(", ")} over time`}>
        {steps.map((step) => (
          <g key={step}>
            <line class="grid" x1={LEFT} x2={W - RIGHT} y1={y(step)} y2={y(step)} />
            <text x={LEFT - 8} y={y(step) + 4} text-anchor="end">{shortNumber(step)}</text>
          </g>
        ))}
        {named.map((n, at) => (
          <text key={at} x={x(n)} y={H - 6} text-anchor={at === 0 ? "start" : at === 2 ? "end" : "middle"}>{order[n]!.label.replace(/ 00:00:00(\.0+)?$/, "")}</text>
        ))}
        {spec.series.map((one, at) => <path key={one.name} class={`line series-${at}`} d={path(one.values)} />)}
      </svg>
      <figcaption>{spec.series.map((one, at) => <span key={one.name} class={`series-${at}`}>{one.name}</span>)}</figcaption>
    </figure>
  );
}

const ALIKE = 10; // series whose largest values differ more than this are drawn apart: on one axis the smaller would lie on zero

function apart(spec: ChartSpec): ChartSpec[] {
  const groups: { most: number; series: ChartSpec["series"] }[] = [];
  for (const one of spec.series) {
    const most = one.values.reduce<number>((high, value) => Math.max(high, Math.abs(value ?? 0)), 0);
    const group = groups.find((other) => most <= other.most * ALIKE && other.most <= most * ALIKE);
    if (group) group.series.push(one);
    else groups.push({ most, series: [one] });
  }
  return groups.map(({ series }) => ({ ...spec, series }));
}

export function Chart({ spec }: { spec: ChartSpec }) {
  if (spec.kind === "bars") return <Bars spec={spec} />;
  return <>{apart(spec).map((part) => <Lines key={part.series[0]!.name} spec={part} />)}</>;
}
