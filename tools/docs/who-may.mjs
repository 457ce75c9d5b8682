// The small table behind deploy/nats.conf: who serves, asks, states, hears and follows what. Everything it names is
// checked against the contracts; test/guarantees/least-privilege.spec.ts tries all of the rest.

import { built } from './page.mjs';

const ofClients = ['client.created', 'client.updated', 'client.suspended', 'client.restored'];

/** By service; a contract is named by its noun, a fact by its type or, for all of a noun, `<noun>.*`. */
const table = {
  gateway: {
    asks: ['audit', 'client', 'identity', 'session', 'signingKey', 'token', 'user'],
    states: ['request.denied'],
    hears: [
      'session.closed',
      'user.suspended',
      'user.erased',
      'user.merged',
      'user.password_changed',
      'key.deleted',
    ].concat(['key.rotated', 'signing_key.rotated'], ofClients),
    hearsBeats: true,
  },
  identity: {
    serves: ['identity', 'user'],
    states: ['user.*', 'password.refused', 'link.refused'],
    beats: true,
  },
  token: {
    serves: ['token', 'client', 'signingKey'],
    states: ['token.*', 'client.*', 'link_secret.*', 'signing_key.*', 'key.*', 'link.refused'],
    hears: ['session.closed', 'key.rotated', 'key.deleted', 'link_secret.created', 'link_secret.revoked'].concat(
      ofClients.filter((type) => type !== 'client.created'),
    ),
    beats: true,
  },
  session: {
    serves: ['session'],
    states: ['session.*', 'link.accepted', 'link.refused', 'token.claim_failed'],
    follows: [
      ...['user.merged', 'user.suspended', 'user.password_changed', 'user.erased', 'client.suspended', 'key.deleted'],
    ].map((type) => ({ durable: `session-${type.replace('.', '-')}`, filter: `*.${type}` })),
    beats: true,
  },
  audit: { serves: ['audit'], follows: [{ durable: 'audit', filter: '>' }] },
};

/**
 * What each service may do, in full: subjects of verbs, types of facts, durable consumers.
 * @public the test of least privilege computes from it what must be refused
 */
export async function whoMay() {
  const [verbs, types] = await Promise.all([verbsByContract(), factTypes()]);
  const subjects = (names = []) => names.flatMap((name) => verbs[name] ?? fail(`there is no contract ${name}`));
  const entries = Object.entries(table).map(([service, row]) => [
    service,
    {
      serves: subjects(row.serves),
      asks: subjects(row.asks),
      states: spelledOut(row.states, types),
      hears: spelledOut(row.hears, types),
      follows: row.follows ?? [],
      beats: row.beats ?? false,
      hearsBeats: row.hearsBeats ?? false,
    },
  ]);
  const all = entries.map(([, may]) => may);
  everyOne('verb', Object.values(verbs).flat(), all, 'serves');
  everyOne('verb', Object.values(verbs).flat(), all, 'asks');
  everyOne('fact', types, all, 'states');
  return Object.fromEntries(entries);
}

function spelledOut(wanted = [], types) {
  return wanted.flatMap((each) => {
    const named = types.filter(
      (type) => type === each || (each.endsWith('.*') && type.split('.')[0] === each.slice(0, -2)),
    );
    return named.length > 0 ? named : fail(`there is no fact ${each}`);
  });
}

/** A verb nobody serves, or a fact nobody may state, is a slip in the table. */
function everyOne(what, names, all, by) {
  const odd = names.find((name) => !all.some((may) => may[by].includes(name)));
  if (odd !== undefined) fail(`nobody ${by} the ${what} ${odd}`);
}

async function verbsByContract() {
  const files = ['audit', 'client', 'identity', 'session', 'token'];
  const modules = await Promise.all(files.map((file) => built(`libs/contracts/src/${file}.js`)));
  const exported = modules.flatMap((module) => Object.entries(module));
  const contracts = exported.filter(([, value]) => Object.values(value ?? {}).some(isVerb));
  return Object.fromEntries(contracts.map(([name, verbs]) => [name, Object.values(verbs).map((verb) => verb.subject)]));
}

const isVerb = (value) => typeof value?.subject === 'string' && value.subject.startsWith('segue.');

async function factTypes() {
  const { facts } = await built('libs/contracts/src/fact.js');
  return Object.keys(facts);
}

function fail(problem) {
  throw new Error(`tools/docs/who-may.mjs: ${problem}`);
}
