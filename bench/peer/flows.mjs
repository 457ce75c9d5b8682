import { titles } from '../flow.mjs';
import { flows as ours } from '../segue/flows.mjs';

const names = ['F1', 'F2', 'F3', 'F4', 'F5'];

/** Our flows in the shape of a harness for several systems: `{ title, conn(env, index) }`. */
export const flows = Object.fromEntries(names.map((name) => [name, { title: titles[name], conn: ours[name].connect }]));
