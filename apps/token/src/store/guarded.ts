/** A user as this service knows them. */
export interface Guarded {
  readonly clientId: string;
  readonly userHash: Buffer;
}

/** The columns of their keys, as statements take them first. */
export function namesOf(users: readonly Guarded[]): [string[], Buffer[]] {
  return [users.map(({ clientId }) => clientId), users.map(({ userHash }) => userHash)];
}

/** The row of a user that another row names. */
export const byKey = (row: string, named: string) =>
  `${row}.client_id = ${named}.client_id AND ${row}.user_hash = ${named}.user_hash`;

/** As `byKey`; so only the index fits, also when the plan was made while the table was small. */
export const byIndex = (row: string, named: string) =>
  `${row}.client_id = ANY (ARRAY[${named}.client_id]) AND ${row}.user_hash = ANY (ARRAY[${named}.user_hash])`;
