import { arrayText } from '#postgres/array-text';

/** The columns of a group of rows: each with its SQL type and where a row has its value. */
export type Columns<Row> = Readonly<Record<string, readonly [type: string, of: (row: Row) => unknown]>>;

/** `FROM` item that makes a group's parameters rows again, with `position` counting from 1. */
export function asked<Row>(columns: Columns<Row>): string {
  const arrays = Object.values(columns).map(([type], index) => `$${index + 1}::${type}[]`);
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS asked (${Object.keys(columns).join(', ')}, position)`;
}

/** The parameters of a group: one array a column. */
export function valuesOf<Row>(columns: Columns<Row>, rows: readonly Row[]): string[] {
  return Object.values(columns).map(([, of]) => arrayText(rows, of));
}
