import { built, code, page, table } from './page.mjs';

/** Of the process itself; the client of Prometheus shows more of them, by platform. */
const ofTheProcess = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
  'nodejs_gc_duration_seconds',
];

const alerts = `groups:
  - name: segue
    rules:
      - alert: SegueFactsAreLate
        expr: max by (outbox) (segue_outbox_oldest_seconds) > 30
        for: 1m
        annotations:
          summary: Facts of {{ $labels.outbox }} wait to be published (runbook, "Facts are late")
      - alert: SegueRevocationFeedNotTrusted
        expr: segue_revocation_feed_trusted == 0
        for: 1m
        annotations:
          summary: A gateway checks each access token with its owner; NATS or a service is silent
      - alert: SegueServerErrors
        expr: >
          sum(rate(segue_http_request_duration_seconds_count{status="5xx"}[5m]))
          / sum(rate(segue_http_request_duration_seconds_count[5m])) > 0.01
        for: 5m
        annotations:
          summary: More than one request in a hundred answers 5xx (runbook, "A part is down")`;

export async function metricsPage() {
  const { metrics } = await built('libs/metrics/src/metrics.js');
  const { exposition } = await built('libs/metrics/src/exposition.js');
  const { text } = await exposition();
  const families = Object.values(metrics);
  mustExist(ofTheProcess, (name) => text.includes(`# TYPE ${name} `));
  mustExist(alerts.match(/segue_[a-z_]+/g) ?? [], (name) =>
    families.some(({ kind, description }) => name === description.name + (kind === 'histogram' ? '_count' : '')),
  );

  return page(
    'Metrics',
    { from: '`libs/metrics/src/metrics.ts` and `tools/docs/metrics.mjs`' },
    `Every process shows its metrics at \`/metrics\` on its private port (\`OPS_PORT\`), in the text format of Prometheus. No label
holds an id, an address, a path as it was sent or anything else that a caller chooses; a metric has at most 2000 series, whatever
happens. Counters are of the process, so sum them over the replicas. Gauges of a table or a consumer are the same
in every replica, so take \`max\`. What can't be known, because Postgres or NATS is away, is not shown.`,
    table(
      ['Metric', 'Type', 'Labels', 'Process', 'Meaning'],
      families.map(({ kind, description: { name, labels, seenAt, help } }) => [
        code(name),
        kind,
        labels.map(code).join(', '),
        seenAt,
        help,
      ]),
    ),
    `A histogram has \`_bucket\`, \`_sum\` and \`_count\`; the rate of requests and their errors are rates of \`_count\`. Of the process
itself there are the usual ones of a Node process, among them ${ofTheProcess.map(code).join(', ')}.`,
    `## Alerts to begin with

\`\`\`yaml
${alerts}
\`\`\``,
    `Useful beside them: \`rate(segue_refusals_total[5m])\` by \`type\` and \`reason\` says what integrators do wrong (or what an attacker
tries), \`segue_consumer_pending\` how late the audit trail is, \`segue_postgres_waiting\` whether the pool is too small.`,
  );
}

function mustExist(names, exists) {
  const unknown = names.filter((name) => !exists(name));
  if (unknown.length > 0) throw new Error(`docs/metrics.md names what there is not: ${unknown.join(', ')}`);
}
