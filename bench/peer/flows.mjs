import { titles } from '../flow.mjs';
import { flows as ours } from '../segue/flows.mjs';

/** Our flows in the shape of a harness for several systems: `{ title, conn(env, index) }`. */
export const flows = Object.fromEntries(
  Object.entries(ours).map(([name, { connect }]) => [name, { title: titles[name], conn: connect }]),
);
