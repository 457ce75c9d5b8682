/** The columns of a group of rows: each with its SQL type and where a row has its value. */
export type Columns<Row> = Readonly<Record<string, readonly [type: string, of: (row: Row) => unknown]>>;

/** `FROM` item that makes a group's parameters rows again, with `position` counting from 1. */
export function asked<Row>(columns: Columns<Row>): string {
  const arrays = Object.values(columns).map(([type], index) => `$${index + 1}::${type}[]`);
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS asked (${Object.keys(columns).join(', ')}, position)`;
}

/**
 * The parameters of a group: one array a column, in Postgres' own notation. pg would make that of an array too, with two
 * regular expressions and a copy for each value, needed or not: twice the time and memory.
 */
export function valuesOf<Row>(columns: Columns<Row>, rows: readonly Row[]): string[] {
  return Object.values(columns).map(([, of]) => {
    let text = '{';
    for (const row of rows) text += text.length === 1 ? element(of(row)) : `,${element(of(row))}`;
    return `${text}}`;
  });
}

function element(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return `"${special.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`;
  return String(value);
}

const special = /["\\]/;
