import { Counts, Durations, Gauges } from './families.js';

const services = 'identity, token, session, audit';
const withOutbox = 'identity, token, session';

/**
 * Every metric of ours; docs/metrics.md is made from it. One table for the process: whoever has something to count
 * imports it. No label ever holds an id, an address, a path or anything else that a caller chooses.
 */
export const metrics = {
  httpRequests: new Durations({
    name: 'segue_http_request_duration_seconds',
    help: 'HTTP requests by method, route template and class of the status; `gone`: the client did not wait for the answer.',
    labels: ['method', 'route', 'status'],
    seenAt: 'gateway',
  }),
  unreadable: new Counts({
    name: 'segue_http_unreadable_total',
    help: 'What came to the public port and was no HTTP request that a route could be looked up for, by the status it got.',
    labels: ['status'],
    seenAt: 'gateway',
  }),
  limitRefusals: new Counts({
    name: 'segue_limit_refusals_total',
    help: 'Requests over a limit, by its name in LIMITS.',
    labels: ['limit'],
    seenAt: 'gateway',
  }),
  feedAge: new Gauges({
    name: 'segue_revocation_feed_age_seconds',
    help: 'For how long it has not been proven that everything was heard that a service revoked; +Inf before its first beat.',
    labels: ['owner'],
    seenAt: 'gateway',
  }),
  feedTrusted: new Gauges({
    name: 'segue_revocation_feed_trusted',
    help: '1 while access tokens are checked by the revocations known here, 0 while each is checked with its owner.',
    labels: [],
    seenAt: 'gateway',
  }),
  revocations: new Gauges({
    name: 'segue_revocations',
    help: 'Entries of the set of revocations, while it is trusted.',
    labels: [],
    seenAt: 'gateway',
  }),

  asks: new Counts({
    name: 'segue_bus_asks_total',
    help: 'Asks by verb and outcome, counted by who asked: `ok` or the code of the fault.',
    labels: ['verb', 'outcome'],
    seenAt: 'gateway',
  }),
  served: new Counts({
    name: 'segue_bus_served_total',
    help: 'Asks by verb and outcome, counted by who served them: `ok`, the code of the fault, or `late` for what nobody waited for any more.',
    labels: ['verb', 'outcome'],
    seenAt: services,
  }),
  serving: new Durations({
    name: 'segue_bus_serve_duration_seconds',
    help: 'How long a service took for an ask.',
    labels: ['verb'],
    seenAt: services,
  }),
  connected: new Gauges({
    name: 'segue_nats_connected',
    help: '1 while the connection to NATS stands.',
    labels: [],
    seenAt: 'every process',
  }),

  facts: new Counts({
    name: 'segue_facts_published_total',
    help: 'Facts that JetStream has acknowledged, by type; one that was published twice counts twice.',
    labels: ['type'],
    seenAt: `${withOutbox}, gateway`,
  }),
  refusals: new Counts({
    name: 'segue_refusals_total',
    help: 'Refusals by type and reason of their fact, as often as they happened: also those that one fact stands for together.',
    labels: ['type', 'reason'],
    seenAt: `${withOutbox}, gateway`,
  }),
  outboxWaiting: new Gauges({
    name: 'segue_outbox_waiting',
    help: 'Facts that wait in the outbox to be published, counted up to 10000. Every replica of a service shows the same table.',
    labels: ['outbox'],
    seenAt: withOutbox,
  }),
  outboxAge: new Gauges({
    name: 'segue_outbox_oldest_seconds',
    help: 'Age of the oldest fact that waits in the outbox; 0 when none does.',
    labels: ['outbox'],
    seenAt: withOutbox,
  }),
  consumerPending: new Gauges({
    name: 'segue_consumer_pending',
    help: 'Facts that a durable consumer has yet to handle, those in hand included. Every replica shows the same consumer.',
    labels: ['durable'],
    seenAt: 'session, audit',
  }),

  connections: new Gauges({
    name: 'segue_postgres_connections',
    help: 'Connections to Postgres by schema and state, `in_use` or `idle`.',
    labels: ['schema', 'state'],
    seenAt: services,
  }),
  connectionsAwaited: new Gauges({
    name: 'segue_postgres_waiting',
    help: 'Statements that wait for a connection to Postgres.',
    labels: ['schema'],
    seenAt: services,
  }),
  breakerOpen: new Gauges({
    name: 'segue_postgres_breaker_open',
    help: '1 while Postgres is silent and statements are refused at once.',
    labels: ['schema'],
    seenAt: services,
  }),

  guesses: new Counts({
    name: 'segue_short_secret_guesses_total',
    help: 'Guesses at short secrets of protocol 003: `evaluated`, `locked` where a budget was spent, `none` where there was nothing to guess at.',
    labels: ['outcome'],
    seenAt: 'token',
  }),
} as const;
